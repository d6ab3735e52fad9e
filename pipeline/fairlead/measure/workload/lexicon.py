"""The words that every prompt is made of, all our own choosing. Knows no seed and no prompt.

Frozen: another list makes another definition, and its digest says so.
"""

from __future__ import annotations

# 256 plain nouns and a few near-nouns, so that one byte is one word.
_WORD_LIST = """
    anchor apple april arrow autumn badge baker barley barn basin basket beacon bell bench berry birch
    blanket boat bolt border bottle boulder bracket branch bread breeze brick bridge brook broom bucket bundle
    butter cabin cable candle canvas canyon carpet castle cedar cellar chain chalk chapel cherry chimney
    circle clay cliff clock cloth cloud clover coast cobble coffee collar comet compass copper coral cord
    corner cotton cradle crane creek crown crystal current curtain dairy dawn delta desert dock donkey door
    dove drum dune dust eagle echo elbow ember engine evening fabric falcon farmer feather fence fern ferry
    fiddle field finch fire flag flax fleet flint flour flute foam fog forest forge fountain fox frame frost
    fruit garden garlic gate ginger glacier glass globe glove goat grain granite grape grass gravel grove gull
    hammer harbour harvest hatch hazel hearth hedge helmet herb heron hill hinge honey hook horn island ivory
    ivy jacket jar jetty journal kettle kiln kite ladder lagoon lake lamp lantern larch lark lattice laurel
    leather ledge lemon lens letter lever lichen lily linen lock loom magnet mallet maple marble market marsh
    mast meadow melon mill mint mirror mist moon morning mortar moss moth mountain needle nest net north nut
    oak oar ocean olive orchard otter oven owl paddle paper parcel path pearl pebble pepper pier pigeon pine
    pipe planet plank plough plum pocket pond poplar porch prairie pulley quarry quill rabbit raft rail rain
    raven reed ribbon ridge river robin rope saddle sail salt sand saw shell shore silver slate sparrow spring
    stone stream summit
    """
WORDS = tuple(_WORD_LIST.split())

_FIRST_NAMES = """
    Agnes Alban Beatrix Bruno Cecily Conrad Dorothea Edmund Elspeth Fergus Flora Gideon Greta Hector
    Hilda Ivo Jasper Judith Kester Lavinia Linus Mabel Magnus Nora Odette Oswin Petra Quentin Rosalind
    Rufus Sabina Tobias
    """
FIRST_NAMES = tuple(_FIRST_NAMES.split())
_LAST_NAMES = """
    Ashby Barlow Cotter Dunmore Everly Fairclough Garside Hollis Inkpen Jessop Kettering Larkham Merrow
    Norcott Oakes Pennick Quill Rushton Selwyn Thorne Underhay Vickers Wetherby Yarrow
    """
LAST_NAMES = tuple(_LAST_NAMES.split())
_PLACE_HEADS = (
    "Alder",
    "Barrow",
    "Copper",
    "Dun",
    "Ember",
    "Fern",
    "Gull",
    "Hazel",
    "Iron",
    "Kings",
    "Lark",
    "Mill",
)
_PLACE_TAILS = ("ford", "wick", "holt", "mere", "ness", "stead")
PLACES = tuple(head + tail for head in _PLACE_HEADS for tail in _PLACE_TAILS)

_TRADES = """
    baker weaver miller ferryman carpenter glazier gardener printer potter mason beekeeper clockmaker
    schoolteacher postmaster surveyor cook
    """
TRADES = tuple(_TRADES.split())
GOODS = (
    "plums",
    "lanterns",
    "blankets",
    "candles",
    "ropes",
    "kettles",
    "tiles",
    "books",
    "ladders",
    "cheeses",
    "seedlings",
    "brushes",
    "hinges",
    "bottles of ink",
    "sacks of flour",
    "rolls of linen",
    "jars of honey",
    "bundles of reed",
    "boxes of nails",
    "baskets of pears",
    "coils of wire",
    "barrels of salt",
    "sheets of glass",
    "bags of lime",
)
TIMES = (
    "before dawn",
    "after the market closed",
    "on the first dry day of the month",
    "while the bells were ringing",
    "late in the evening",
    "at noon",
    "in the week of the floods",
    "when the ferry came in",
    "during the long frost",
    "on the morning of the fair",
    "as the lamps were being lit",
    "two days too late",
)
WEATHER = ("fog", "rain", "snow", "wind", "heat", "hail", "frost", "thunder")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
VERBS = ("count", "sort", "weigh", "merge", "trim", "pack", "match", "group", "mark", "fold", "scan", "sum")
