"""The catalogue of rules: what each code means, why it is there, how to get past it. Knows no check.

A code is a group of three or four capital letters and a number. It is never reused and never given
another meaning; a rule that goes leaves a gap. Each rule is one anchor on the site's page of rules,
so ``why`` and ``fix`` are written for somebody who meets the rule for the first time.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping

from fairlead.problems import Severity


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """One rule: ``why`` it is there, and the ``fix`` in general. The problem says the particular."""

    code: str
    title: str
    why: str
    fix: str
    severity: Severity = Severity.ERROR


GROUPS: Mapping[str, str] = types.MappingProxyType(
    {
        "DOC": "The text of a YAML file",
        "SCH": "The shape of a file, by its schema",
        "TREE": "Files, folders and names",
        "REF": "References from one file to another",
        "DATE": "Dates and their order",
        "PRO": "Providers",
        "MET": "The methodology",
        "SUB": "Registrations, submissions and their manifests",
        "LIFE": "Disputes, and what else happens to a submission",
        "WIN": "Raw windows",
        "ARC": "Raw files that are archived",
        "TOK": "Token counts",
        "INT": "The raw requests of a claim, as an auditor looks at them",
        "GOV": "Governance",
        "HIS": "What may never change",
        "AUD": "The audit of a published table",
        "IMP": "Imports of other tools' results",
        "BUG": "Our own mistakes",
    }
)

_RULES = (
    # -- DOC -------------------------------------------------------------------------------------
    Rule(
        "DOC001",
        "The bytes are not text we can read",
        "Files are UTF-8 without control characters. Anything else is read differently by different "
        "programs, so that a reviewer and the board could see two different files.",
        "Save the file as UTF-8 with ordinary line ends. Write a control character that you do need as an "
        "escape in double quotes.",
    ),
    Rule(
        "DOC002",
        "The file is too large",
        "A file of configuration is read by people. Limits of 1 MB and 50,000 values keep it readable and "
        "keep a hostile file from using up the machine that checks it.",
        "Split the file. Raw measurements belong into windows/, not into YAML.",
    ),
    Rule(
        "DOC003",
        "This is not YAML",
        "The file breaks the grammar of YAML, so nothing in it could be checked.",
        "Mend the place that is shown. Indent with two spaces, give each key a line, put text that holds "
        "`: ` or ` #` in double quotes.",
    ),
    Rule(
        "DOC004",
        "Nested too deep",
        "No file of the board needs more than 32 levels. Deeper nesting serves only to crash a parser.",
        "Flatten the data to the form that the schema describes.",
    ),
    Rule(
        "DOC005",
        "The file is empty",
        "An empty file says nothing, and nobody can tell whether that was meant.",
        "Fill the file, or delete it.",
    ),
    Rule(
        "DOC006",
        "More than one document, or a directive",
        "A YAML stream may hold several documents and directives that change how they are read. A file here "
        "is one document, so that no part of it is overlooked.",
        "Keep one document, without `---`, `...` and lines that start with `%`.",
    ),
    Rule(
        "DOC007",
        "A key is given twice",
        "Most YAML readers silently keep the last of two equal keys, so the reader sees one value and the "
        "machine uses another.",
        "Keep one of the two.",
    ),
    Rule(
        "DOC008",
        "A comment",
        "Programs rewrite these files in one canonical form, and a comment cannot survive that. What is "
        "worth saying is worth keeping as data.",
        "Move what it says into the `notes:` of the file, or delete it. `fairlead format` refuses to drop"
        " it.",
    ),
    Rule(
        "DOC009",
        "An anchor or an alias",
        "An alias makes one line stand for text elsewhere. That hides what a line says, and a few hundred "
        "bytes of aliases can unfold into gigabytes.",
        "Write the value out in each place.",
    ),
    Rule(
        "DOC010",
        "A tag",
        "A tag asks the reader to build a value of another type. Only JSON's types exist here.",
        "Delete the tag. Quote the value if it is text.",
    ),
    Rule(
        "DOC011",
        "A merge key",
        "`<<` copies keys from another place, so that a mapping holds what is not written in it.",
        "Write the keys out where they belong.",
    ),
    Rule(
        "DOC012",
        "A key that is not text",
        "JSON knows only text as a key. A number, a list or `true` as a key means something else to each "
        "reader.",
        "Put the key in double quotes if it is meant as text.",
    ),
    Rule(
        "DOC013",
        "A word or number that readers disagree about",
        "YAML readers take `no` for false, `12:30` for 750 and `1_000` for a number, or for text, "
        "depending on their age. The board reads JSON's values only, and refuses to guess.",
        "Write `true`, `false`, `null` or a number as JSON does; put text in double quotes.",
    ),
    Rule(
        "DOC014",
        "A key without a value",
        "Nobody can tell a value that was forgotten from one that is not disclosed.",
        "Write the value, or `null` where it is not disclosed and the schema allows that.",
    ),
    Rule(
        "DOC015",
        "A number too large to hold",
        "Beyond 64 bits, or beyond a double's range, programs would silently disagree about the number.",
        "Write a smaller number, or put it in double quotes if it is an identifier.",
    ),
    Rule(
        "DOC016",
        "A character that cannot be seen",
        "Zero-width characters and direction overrides make a line look different from what it says. "
        "Reviewers decide by what they see.",
        "Leave the character out. Where a name needs it, write it as an escape in double quotes, as in "
        '"\\u200d".',
    ),
    Rule(
        "DOC017",
        "A key that is too long",
        "Keys are names from the schema or short ids.",
        "Shorten the key to at most 100 characters.",
    ),
    Rule(
        "DOC018",
        "Not in canonical form",
        "Each file has one canonical text, so that a change of data is the only thing a diff ever shows.",
        "Run `fairlead format`.",
    ),
    # -- SCH -------------------------------------------------------------------------------------
    Rule(
        "SCH001",
        "A value of the wrong type",
        "The schema says what kind of value stands here. A number in quotes is text, and is not computed "
        "with.",
        "Write a value of the expected type.",
    ),
    Rule(
        "SCH002",
        "Keys are missing",
        "Every key is required, so that what is not disclosed is said and not forgotten.",
        "Add the keys. Write `null` where the fact is not disclosed and the schema allows it.",
    ),
    Rule(
        "SCH003",
        "A key that the schema does not know",
        "A misspelt key would be ignored without a word. So unknown keys are refused.",
        "Correct the spelling, or move what you want to say into `notes:`.",
    ),
    Rule(
        "SCH004",
        "Not one of the known values",
        "Only the listed values have a meaning.",
        "Choose one of the listed values.",
    ),
    Rule(
        "SCH005",
        "Not the one value that is allowed",
        "The value is fixed; `schema_version` says which form a file is written in.",
        "Write the expected value.",
    ),
    Rule(
        "SCH006",
        "Text of the wrong form",
        "Ids, dates, digests and addresses have one form each, so that programs and people find them again.",
        "Write the text in the expected form.",
    ),
    Rule(
        "SCH007",
        "A number out of range",
        "The number cannot be what it is said to be.",
        "Check the unit, which the key's name ends with, and the figure.",
    ),
    Rule(
        "SCH008",
        "Text too short or too long",
        "Limits keep tables readable and pages small. Empty text is no answer: `null` is the word for that.",
        "Shorten the text, or write what is asked for.",
    ),
    Rule(
        "SCH009",
        "A list too short or too long",
        "Some lists mean nothing when they are empty; none needs to be endless.",
        "Add what is missing, or split the file.",
    ),
    # -- TREE ------------------------------------------------------------------------------------
    Rule(
        "TREE001",
        "A symbolic link",
        "A link can point out of the repository, at a secret or at a file that changes later. None is "
        "followed.",
        "Replace the link with the file itself.",
    ),
    Rule(
        "TREE002",
        "Not an ordinary file",
        "Pipes, sockets and devices hold no data that anybody could review.",
        "Delete it.",
    ),
    Rule(
        "TREE003",
        "A file or folder that cannot be read",
        "What cannot be read cannot be checked.",
        "Make it readable to everybody (`chmod a+rX`).",
    ),
    Rule(
        "TREE004",
        "A file that is too large",
        "Limits on bytes, checked before anything is parsed, keep a hostile file from using up the machine.",
        "Split a window into several shorter ones; keep other files small.",
    ),
    Rule(
        "TREE005",
        "An unexpected file or folder",
        "A file in the wrong place would be ignored without a word. So each folder holds what it is for, and "
        "nothing else.",
        "Move the file to the expected place, or delete it.",
    ),
    Rule(
        "TREE006",
        "A name of the wrong form",
        "The path is the id. It has one form, so that it can stand in an address and in a table and can "
        "never lead out of its folder.",
        "Rename it to the expected form.",
    ),
    Rule(
        "TREE007",
        "A file is missing",
        "Without this file the others have no meaning.",
        "Add the file. `fairlead new` writes a valid skeleton.",
    ),
    Rule(
        "TREE008",
        "Too many files or folders",
        "A bound on the number of entries keeps a hostile change from using up the machine that checks it.",
        "Split the change.",
    ),
    Rule(
        "TREE009",
        "More problems than are shown",
        "The first problems of a file usually cause the rest.",
        "Mend the ones that are shown, and check again.",
    ),
    # -- REF -------------------------------------------------------------------------------------
    Rule(
        "REF001",
        "An unknown model",
        "Models are compared under one canonical id, given in methodology/models.yaml.",
        "Use an id from methodology/models.yaml, or propose the model there first.",
    ),
    Rule(
        "REF002",
        "An unknown provider",
        "Whoever is measured is described in providers/<id>.yaml, with interests and prices.",
        "Use the provider's id, or add its file first.",
    ),
    Rule(
        "REF003",
        "An unknown endpoint",
        "An endpoint is described in its provider's file; results of one that is not cannot be placed.",
        "Use an endpoint id from the provider's file, or add the endpoint there.",
    ),
    Rule(
        "REF004",
        "An unknown vantage",
        "Where a measurement was made decides its latency. Vantages are listed in methodology/vantages.yaml.",
        "Use an id from methodology/vantages.yaml, or propose the vantage there first.",
    ),
    Rule(
        "REF005",
        "An unknown methodology version",
        "A result means something only under the method that it was measured by.",
        "Name a version that methodology/versions.yaml lists.",
    ),
    Rule(
        "REF006",
        "An unknown organisation",
        "Interests and votes count by organisation, and ownership joins organisations to groups. So each has "
        "one id, in methodology/governance/organisations.yaml.",
        "Use an id from organisations.yaml, or add the organisation there.",
    ),
    Rule(
        "REF007",
        "An unknown member",
        "Only a seated member can be an elector.",
        "Use an id from methodology/governance/members/.",
    ),
    Rule(
        "REF008",
        "An unknown scenario or workload",
        "How requests are sent and what they ask is defined by the methodology version.",
        "Use an id from that version's methodology.yaml.",
    ),
    Rule(
        "REF009",
        "An unknown submission",
        "A correction names the submission that it replaces.",
        "Use the folder name of a submission of the same provider.",
    ),
    Rule(
        "REF010",
        "A model that the endpoint does not serve",
        "A result needs the price and the disclosures of the model at that endpoint.",
        "Add the model to the endpoint in the provider's file, or name the endpoint that serves it.",
    ),
    Rule(
        "REF011",
        "An unknown proposal",
        "Versions and members come from votes, and each vote is a proposal's.",
        "Name the folder of the proposal under methodology/proposals/.",
    ),
    Rule(
        "REF012",
        "An id is given twice",
        "An id that names two things names neither.",
        "Give the second thing an id of its own. Ids are never reused.",
    ),
    # -- DATE ------------------------------------------------------------------------------------
    Rule(
        "DATE001",
        "An end before its beginning",
        "A span of time must not end before it begins.",
        "Swap or correct the two dates.",
    ),
    Rule(
        "DATE002",
        "A day that does not exist",
        "The date has the right form, but the calendar has no such day.",
        "Correct the date.",
    ),
    Rule(
        "DATE003",
        "A date in the future",
        "This records something that happened. It cannot lie ahead.",
        "Correct the date. All times are UTC.",
    ),
    Rule(
        "DATE004",
        "Events out of order",
        "A history is read from top to bottom and only ever grows at its end.",
        "Put the events in the order of their time, the newest last.",
    ),
    # -- PRO -------------------------------------------------------------------------------------
    Rule(
        "PRO001",
        "Two prices for one day",
        "Cost is computed from the price of the day. Two prices for one day give two costs.",
        "Let the older price end before the newer one begins. With `until: null` it ends by itself where "
        "the next one begins; a day after `until` and before the next price has no price.",
    ),
    Rule(
        "PRO002",
        "Prices out of order",
        "A price history is read from top to bottom, oldest first.",
        "Sort the prices by `from`.",
    ),
    Rule(
        "PRO003",
        "An address that may not be measured",
        "Requests carry a key, and a key goes over https only, to a host with a public name. Plain http "
        "is for reference endpoints on the measuring machine itself, and HTTP/2 is spoken over TLS only.",
        "Give the https address that customers use.",
    ),
    Rule(
        "PRO004",
        "An active provider without an address",
        "A provider is active if there is something to measure.",
        "Give each endpoint's `base_url`, or change `status`.",
    ),
    # -- MET -------------------------------------------------------------------------------------
    Rule(
        "MET001",
        "The folder and the file name different versions",
        "The path is the id; the file repeats it so that a copy of the file still says what it is.",
        "Make the folder's name and `version` the same.",
    ),
    Rule(
        "MET002",
        "A methodology version that is not listed, or listed without a folder",
        "The list methodology/versions.yaml gives every version its state. Without a state nobody can "
        "tell a draft from the method in force.",
        "Add the version to versions.yaml, or its folder under methodology/versions/.",
    ),
    Rule(
        "MET003",
        "A frozen methodology does not have its digest",
        "A version that a vote ratified is frozen by the digest of its methodology.yaml.",
        "Restore the file. To change the method, propose a new version.",
    ),
    Rule(
        "MET004",
        "A ratified version without its vote",
        "A version is ratified by a recorded vote, on a day, over a text with a digest.",
        "Give `ratified_by`, `date` and `sha256`, or set the state back to `candidate`.",
    ),
    Rule(
        "MET005",
        "A load that is neither closed nor open",
        "A closed loop has a concurrency; an open loop has a rate and a law of arrivals, and may state the "
        "most requests that may be under way as its concurrency. Anything else cannot be repeated.",
        "Give `concurrency` alone for `closed`; `rate_per_s` and `arrivals` for `open`, with or without "
        "`concurrency`; null for the rest.",
    ),
    Rule(
        "MET006",
        "The digest names another methodology text",
        "A registration binds to the exact text of the method by its sha256. A draft that changes between "
        "the registration and the results changes the rules of a plan that is out already, so the draft "
        "stays and the change becomes a version of its own.",
        "Use the version and the digest of the methodology that was in force; `sha256sum methodology.yaml` "
        "prints it. Where the text changed after the registration was merged, restore the text.",
    ),
    Rule(
        "MET007",
        "Methodology numbers that contradict each other",
        "Two limits of the methodology exclude each other, so no result could ever satisfy both.",
        "Correct the smaller or the larger of the two.",
    ),
    Rule(
        "MET008",
        "Prose that names a number which is not there",
        "The methodology's prose takes every number from its YAML when it is published, so that none is "
        "typed twice. A name that the YAML does not have would leave a hole.",
        "Name a value of methodology.yaml by its path, as in `{{ timeouts.total_ms }}`.",
    ),
    Rule(
        "MET009",
        "A candidate that leaves numbers out",
        "An early draft may say nothing of intervals, findings or lag. A version that can be voted on states "
        "every number that the board works by, so that none of them is decided by code.",
        "Add the key with its value, or write `state: draft`.",
    ),
    # -- SUB -------------------------------------------------------------------------------------
    Rule(
        "SUB001",
        "The registration is not the one that was registered",
        "A measured submission names its registration by sha256, so that the plan cannot be fitted to the"
        " results afterwards.",
        "Restore the registration as it was merged. To measure something else, register again.",
    ),
    Rule(
        "SUB002",
        "A measured submission without a registration",
        "What will be run is registered before it is run; otherwise only the good runs would be shown.",
        "Register with `fairlead register` and measure again, or mark the results as `imported`.",
    ),
    Rule(
        "SUB003",
        "An imported submission with a registration",
        "Imported results were measured by another tool, outside any plan of the board. They are shown, and "
        "never ranked.",
        "Set `registration_sha256: null` and remove registration.yaml.",
    ),
    Rule(
        "SUB004",
        "A raw file of the manifest is missing",
        "A result without its raw requests cannot be recomputed, and results must not vanish quietly.",
        "Add the file exactly as it was written. A run that is to be taken back gets a `withdrawn` event in "
        "history.yaml.",
    ),
    Rule(
        "SUB005",
        "A raw file that the manifest does not name",
        "Only files with a digest in the manifest are part of a submission.",
        "Run `fairlead submit` again, or delete the file.",
    ),
    Rule(
        "SUB006",
        "A raw file of the wrong size",
        "The manifest gives each file's size, so that a truncated file is noticed before it is read.",
        "Restore the file as it was written.",
    ),
    Rule(
        "SUB007",
        "A raw file with another digest",
        "The file is not the one that was submitted: one bit of it has changed at least.",
        "Restore the file as it was written. Raw data is never edited; a correction is a new submission.",
    ),
    Rule(
        "SUB008",
        "A certificate whose name is not its digest",
        "Certificates are named by their sha256, so that a window can point at exactly one.",
        "Rename the file to `<sha256>.json.gz`.",
    ),
    Rule(
        "SUB009",
        "A planned window is missing",
        "A registration is a promise to show every window. Leaving out the bad ones is how boards are gamed.",
        "Measure the missing window (`fairlead measure` resumes) and submit again.",
    ),
    Rule(
        "SUB010",
        "A window that was not planned",
        "Only planned windows count, or the best of many tries could be shown.",
        "Leave the window out, or register a new plan that holds it.",
    ),
    Rule(
        "SUB011",
        "Registered or submitted by somebody who was no contact of the provider",
        "Only a provider's listed contacts may promise a run in its name, and deliver it. The list that "
        "counts is the one that was merged when the file was: nobody registers first and is listed later. "
        "Where all endpoints are on loopback no company is measured, and anybody may.",
        "Let a contact do it, or merge the person's entry in `contacts` first and register anew.",
    ),
    Rule(
        "SUB012",
        "A claim without a window",
        "A claimed figure must be one that the submitted windows could give.",
        "Submit windows of that endpoint, model and scenario, or remove the claim.",
    ),
    Rule(
        "SUB013",
        "Not exactly one primary claim",
        "The primary claim of an endpoint, model and scenario decides the state of its row. Two of them "
        "would let the better one be chosen afterwards.",
        "Mark one claim of each endpoint, model and scenario with `primary: true`.",
    ),
    Rule(
        "SUB014",
        "A submission that corrects itself",
        "A correction is a new submission beside the old one.",
        "Name the earlier submission in `corrects`, or write null.",
    ),
    Rule(
        "SUB015",
        "The folder says something else than the file",
        "A folder of neutral rounds or of a rerun is named after its vantage, month and model.",
        "Rename the folder or correct the file.",
    ),
    Rule(
        "SUB016",
        "A history that does not begin with its submission",
        "The first event says when the submission came in. Everything else follows from it.",
        "Begin `events` with one of kind `submitted`.",
    ),
    Rule(
        "SUB017",
        "Results that were not merged after their registration",
        "A plan fixes something only where it was public before its results: merged by itself, and the "
        "results by a later merge. What counts is the first-parent commit that first added a file. A squash "
        "or a merge commit that brings both is one merge; a file that was moved is a new one; one that was "
        "removed and came back was added when it came first. What is not committed, or not in the base of a "
        "pull request, is not merged yet. It fixes the plan, not honesty: a run may have been repeated in "
        "private before, which is why only neutral windows rank.",
        "Open a pull request with registration.yaml alone. Measure when it is merged, and bring the results "
        "in another one.",
    ),
    Rule(
        "SUB018",
        "A window that began outside the time between the two merges",
        "A window begins no sooner than its registration was merged, and no later than it was merged itself."
        " The merges are dated by the committer's clock, which is the forge's, and the forge is trusted; the"
        " window by the provider's own. Both are compared in whole seconds and without tolerance, since a "
        "merge waits for people and an honest window is minutes away from either end. Where the two clocks "
        "disagree, the window's is wrong, and the window is measured again. A window clock set forward to "
        "hide an earlier run is not found out: only neutral windows rank. Endpoints on loopback are left "
        "out, because no company is measured there.",
        "Set the clock of the measuring machine, wait for the merge, and measure the window again.",
    ),
    Rule(
        "SUB019",
        "Opened by another account than the one it names",
        "`by` says who promises a run, and anybody can type a number. The forge knows which account opened "
        "the change, and the workflow hands it over (`fairlead check --base REF --actor LOGIN:ID`).",
        "Let the person that `by` names open the pull request.",
    ),
    Rule(
        "SUB020",
        "A rerun started by somebody who may not",
        "A rerun decides whether a claim stands, and whoever starts it chooses when. So it is started by a "
        "maintainer who has a seat and no interest in the provider, by what is known of both today.",
        "Let a maintainer without an interest measure the claim again: see `fairlead conflicts --provider`. "
        "What is merged stays; a waiver says why it may until then.",
    ),
    # -- LIFE ------------------------------------------------------------------------------------
    Rule(
        "LIFE001",
        "An event that says too little or too much",
        "What holds is computed from the events alone, so each says who did what to which dispute, and "
        "nothing that its kind does not know.",
        "Fill in the key that the message names, or write null (`[]` for approvals). `fairlead new dispute`"
        " writes whole events.",
    ),
    Rule(
        "LIFE002",
        "An event that cannot happen any more",
        "A retracted submission is over, and a corrected or withdrawn one is not disputed anew. The board's "
        "own rounds are submitted, corrected and withdrawn by nobody.",
        "Delete the event. What concerns the correction belongs to the history of the correction.",
    ),
    Rule(
        "LIFE003",
        "An event about a dispute that is not there, or is decided",
        "Disputes are numbered in the order in which they were opened, each is decided once, and each may"
        " suspend a result once.",
        "Name an undecided dispute of the same file. Who has something new opens another dispute.",
    ),
    Rule(
        "LIFE004",
        "A dispute of something unknown",
        "A dispute names the rule or the clause that was broken, and the row that it is about, so that "
        "whoever answers knows what to answer.",
        "Name a rule of this page or a clause of the method, and a row of this folder or null.",
    ),
    Rule(
        "LIFE005",
        "A disputed figure that was not claimed",
        "Where nobody answers, a dispute takes effect if the claim's raw windows give another figure than the"
        " claim. So the figure must be a claimed one, and stand here as it was claimed.",
        "Copy metric and value from submission.yaml, or write `figure: null` and let panelists decide.",
    ),
    Rule(
        "LIFE006",
        "Too many open disputes of one person",
        "Each dispute takes time of the people who answer and decide. Without a limit, whoever has the most"
        " time would bury a rival.",
        "Wait until one of them is decided. rules.yaml says how many may be open.",
    ),
    Rule(
        "LIFE007",
        "A decision of too few",
        "Panelists decide a dispute, and members without ties suspend a result, only together: rules.yaml "
        "says how many it takes. The same account twice is one person, and a company group counts once.",
        "Add the approvals that were given, each with its GitHub id, or leave the event out until there are"
        " enough.",
    ),
    Rule(
        "LIFE008",
        "A decision by somebody who has no seat for it",
        "A dispute is decided by seated panelists, and a result is suspended by seated members.",
        "Take the approval out, or correct the GitHub id.",
    ),
    Rule(
        "LIFE009",
        "A decision by somebody with an interest in it",
        "Nobody decides about an employer, a customer or an own dispute. To suspend a result one must be tied"
        " to no provider at all.",
        "Take the approval out; somebody without an interest has to give it.",
    ),
    Rule(
        "LIFE010",
        "A correction that does not fit",
        "A corrected submission leads to the one that takes its place, and that one back to it.",
        "Name a submission of the same provider whose `corrects` names this one.",
    ),
    # -- WIN -------------------------------------------------------------------------------------
    Rule(
        "WIN001",
        "Not one whole gzip stream",
        "A raw window is one gzip stream, so that nothing can be hidden after its end or lost before it.",
        "Restore the file as `fairlead measure` sealed it.",
    ),
    Rule(
        "WIN002",
        "A window that unpacks to too much",
        "A small gzip file can unpack to gigabytes. Unpacking stops at the limit.",
        "Measure in several shorter windows.",
    ),
    Rule(
        "WIN003",
        "A window that is not UTF-8",
        "Raw lines are JSON, and JSON is UTF-8.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "WIN004",
        "A line that is not JSON",
        "Each line of a window is one JSON object. NaN and Infinity do not exist in JSON.",
        "Restore the file as it was sealed; what is not known is null.",
    ),
    Rule(
        "WIN005",
        "A line that is not in canonical form",
        "Each line has exactly one spelling, so that duplicate keys and stray bytes cannot hide in a raw "
        "file.",
        "Write windows with `fairlead measure` or `fairlead import`.",
    ),
    Rule(
        "WIN006",
        "A header that is not a window's header",
        "The first line says who was measured, how, by what and when.",
        "Write windows with `fairlead measure` or `fairlead import`.",
    ),
    Rule(
        "WIN007",
        "A line that is no request record",
        "Each line after the first is one request with all its keys; what is not known is null.",
        "Write windows with `fairlead measure` or `fairlead import`.",
    ),
    Rule(
        "WIN008",
        "The header contradicts the place of the file",
        "Provider, model, scenario, role and start are said by the path and by the header. Where the two "
        "differ, one of them was changed.",
        "Put the file where its header says, under the name it was sealed with.",
    ),
    Rule(
        "WIN009",
        "The header contradicts the registration or the manifest",
        "A window belongs to the plan, methodology, vantage and origin that its manifest states, and its "
        "seed follows from the registered one.",
        "Submit the windows of one registration together, as they were measured.",
    ),
    Rule(
        "WIN010",
        "A header that does not fit together",
        "A measured window names its machine, seed, methodology and workload; an imported one has "
        "durations only, and neither registration nor calibration.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "WIN011",
        "Requests are not numbered from 0 without a gap",
        "A missing number is a request that was taken out.",
        "Restore the file with every request of the window.",
    ),
    Rule(
        "WIN012",
        "More requests than planned",
        "A window holds the requests that were planned, failed ones too, and no other.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "WIN013",
        "Stamps out of order",
        "On one clock that never steps, a request is scheduled, sent, answered and done in that order.",
        "Restore the file as it was sealed. Stamps are never edited.",
    ),
    Rule(
        "WIN014",
        "A negative time",
        "Stamps count from the window's origin and gaps count forward, so none is negative.",
        "Restore the file as it was sealed. A time that is not known is null, never negative.",
    ),
    Rule(
        "WIN015",
        "Lists of chunks of different lengths",
        "Each content chunk has one stamp, one length and one kind. A list that is shorter lost something.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "WIN016",
        "An outcome that the record contradicts",
        "A request is `ok` only with content, a finish and a status that is no error; a failure carries "
        "none of the figures of a success.",
        "Class each request by what came back. A failure never enters a latency, and never vanishes.",
    ),
    Rule(
        "WIN017",
        "A stamp is missing",
        "Without it no latency can be computed, although the request is said to have reached that point.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "WIN018",
        "Durations and stamps are mixed",
        "A window has stamps on one clock, or, if imported, durations that another tool computed, and the "
        "gaps that they add up from. Never both.",
        "Use `fairlead import` for results of other tools.",
    ),
    Rule(
        "WIN019",
        "A stream number that cannot be",
        "Each request runs in one of the streams 0 to concurrency - 1; in an open loop these are the most "
        "requests that may be under way.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "WIN020",
        "A certificate that is missing or contradicts itself",
        "A calibration certificate is a file under calibrations/ and is summed up in the header by "
        "quantiles in ascending order.",
        "Submit the certificates that were taken before and after the round.",
    ),
    Rule(
        "WIN021",
        "A window measured at the wrong time",
        "A planned window starts after its registration and not before its planned time.",
        "Measure the window after its `not_before`.",
    ),
    Rule(
        "WIN022",
        "A window that was cut short",
        "The run was interrupted. What had been measured is kept and shown; the window counts as missing.",
        "Nothing, if it was an accident: measure the window again and submit both.",
        Severity.WARNING,
    ),
    # -- TOK -------------------------------------------------------------------------------------
    Rule(
        "TOK001",
        "Token counts that contradict each other",
        "A count is made by a tokenizer that the header names, and the counts of the chunks add up to that "
        "of the request. What does not was not made by our client, or was changed.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "TOK002",
        "Counted with another tokenizer than the model pins",
        "Rows of one model are compared by tokens of one kind. A pin may have changed after the window was "
        "measured; then the older count stays what it was.",
        "Measure with the tokenizer that methodology/models.yaml pins: `fairlead measure` finds it by its "
        "sha256.",
        Severity.WARNING,
    ),
    Rule(
        "TOK003",
        "A count that the tokenizer does not give",
        "Whoever has the tokenizer's file counts the same text and gets the same number. `fairlead check "
        "--recount` did, and got another one.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "TOK004",
        "Token counts were not checked",
        "Counting again needs the tokenizer's file, which is not part of the repository, and the tokenizers "
        "library.",
        "Name the file with `--tokenizer FILE`, or put it into the cache under its sha256.",
        Severity.WARNING,
    ),
    # -- INT -------------------------------------------------------------------------------------
    Rule(
        "INT001",
        "A stream that carries two requests at once",
        "Each stream of a load waits for an answer before it sends again. Stamps that overlap say that the "
        "load was another one, or that somebody moved them.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "INT002",
        "Chunks that do not make up the text",
        "Every character of a reply came in a chunk, and the record says how many came in each. Where the "
        "sums differ, one of the two was changed.",
        "Restore the file as it was sealed.",
    ),
    Rule(
        "INT003",
        "A prompt that does not come from the seed",
        "Whoever has the seed makes every prompt again, byte by byte. Another body means that the prompts "
        "were chosen, or that nothing was sent at all.",
        "Measure again with the prompts of the registration: `fairlead measure` makes them.",
    ),
    Rule(
        "INT004",
        "Requests copied to the nanosecond",
        "The gaps of a reply are those of another one, times a constant and plus one. Two replies agree by "
        "chance in one gap, and never in a dozen.",
        "Restore the file as it was sealed. A window that was not measured is left out.",
    ),
    Rule(
        "INT005",
        "Times on a straight line",
        "Chunks whose gaps change evenly to a few nanoseconds were drawn between two times and not stamped. "
        "Clocks, servers and networks all vary by more.",
        "Restore the file as it was sealed. What was not stamped is not a stamp.",
    ),
    Rule(
        "INT006",
        "Requests more alike than chance allows",
        "The gaps of two requests that were not under way together rise and fall together, as those of a "
        "copy do to which noise was added. The p-value is over all pairs of the claim.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT007",
        "Stamps that no clock gives",
        "Kernel stamps are nanoseconds, and their small digits are chance. Rounded or typed numbers are not.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT008",
        "First tokens sooner than the wire",
        "A reply needs a round trip, as a TCP handshake does, and the model's own time beside. Medians below "
        "the shortest handshake in window after window mean that one of the two was changed.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT009",
        "A stream that stood idle",
        "A closed loop sends as soon as an answer has ended. A hole is what is left where a request was "
        "taken out.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT010",
        "Windows are missing at the slow hours",
        "Windows get lost by accident at any hour. Here they are missing where the endpoint is slow, day "
        "after day; a night without power counts as one accident.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT011",
        "Fewer failures than beside it",
        "The board's own windows of the same endpoint and scenario hold failures, as a rate limit makes "
        "certain, and those of the claim hold hardly any. The provider's own key may have other limits; then "
        "the claim is not what others get.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT012",
        "Windows that differ too little",
        "The requests inside windows vary, so their means must vary, too. Means that are steadier than that "
        "were brought into line.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT013",
        "A certificate of another client",
        "A certificate states the error of one client on one machine at one load. It says nothing "
        "of another.",
        "Submit the certificates that were taken before and after the round, by the same client.",
    ),
    Rule(
        "INT014",
        "More tokens than the client can read",
        "The certificate states what a token costs the client. At the window's rate all of its cores would "
        "not have been enough.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT015",
        "Prompts that were cached beforehand",
        "No two prompts of a window begin alike, so there is nothing to cache. A provider that states most "
        "of a prompt as cached has seen it before.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    Rule(
        "INT016",
        "One text for different prompts",
        "Long replies to different prompts are the same, letter by letter, while most others differ.",
        "Nothing, if the run was honest: the finding is shown beside the claim, and a rerun decides.",
        Severity.WARNING,
    ),
    # -- GOV -------------------------------------------------------------------------------------
    Rule(
        "GOV001",
        "One person with two seats",
        "People are known by their numeric GitHub id. One person is one member.",
        "Keep one file for the person.",
    ),
    Rule(
        "GOV002",
        "Two delegates of one organisation",
        "Organisations vote, and each through one delegate.",
        "Leave `delegate_of` with one person of the organisation.",
    ),
    Rule(
        "GOV003",
        "A delegate who does not work there",
        "A delegate is employed by the organisation that he or she votes for.",
        "Correct `employment`, or set `delegate_of: null`.",
    ),
    Rule(
        "GOV004",
        "Ownership that adds up to more than everything",
        "Company groups are computed from shares of ownership, and these cannot exceed the whole.",
        "Correct the shares, or end an older one with `until`.",
    ),
    Rule(
        "GOV005",
        "A share of votes above one",
        "A quorum or a majority of more than all votes can never be reached.",
        "Make the numerator at most the denominator.",
    ),
    Rule(
        "GOV006",
        "A waiver that nothing needs",
        "A waiver that no longer fits hides the next real problem.",
        "Delete the waiver.",
    ),
    Rule(
        "GOV007",
        "A waiver that has expired",
        "A waiver is a debt with a date.",
        "Mend what it excused, or renew it by vote with a new date and reason.",
    ),
    Rule(
        "GOV008",
        "A waiver for a rule that does not exist or cannot be waived",
        "A waiver names one rule that is an exception worth keeping. What protects the reader of the data"
        " itself (raw files, history, our own mistakes) is never waived.",
        "Name an existing rule, or delete the waiver.",
    ),
    Rule(
        "GOV009",
        "An elector or a ballot is counted twice",
        "One person is one elector in the snapshot of a vote.",
        "Take the snapshot again with `fairlead tally --open`.",
    ),
    Rule(
        "GOV010",
        "A company group with too many seats",
        "Organisations count, not people, and none may fill the table. After a change of job or a "
        "merger the group has the cure period to put it in order; a seat above the cap then rests.",
        "End the term of one of the group's members.",
    ),
    Rule(
        "GOV011",
        "A right over the board without an organisation",
        "Whoever holds administration rights, runners or measuring keys is never ranked, and neither is "
        "the company that they work for. That can be computed only if it is named.",
        "Name the organisation in `custody.yaml`, and add it to `organisations.yaml` if it is not there.",
    ),
    Rule(
        "GOV012",
        "A delegate whose term is over",
        "An organisation whose delegate has no seat has no vote, and may not have noticed.",
        "Write `delegate_of: null`, and name another delegate.",
        severity=Severity.WARNING,
    ),
    Rule(
        "GOV013",
        "A decision that no vote bears",
        "A version is ratified, a proposal accepted and a member admitted by a record that tallies to "
        "accepted, and by nothing else. An interest that was hidden and comes to light can undo it.",
        "Run `fairlead tally` on the proposal, which says every step. Take the decision back, and vote "
        "again.",
    ),
    Rule(
        "GOV014",
        "A vote that was not opened by the rules",
        "A vote that is too short, on too low a class, or with another electorate than the files give "
        "is void however it ends; better to say so while it can be mended.",
        "Withdraw it, and open it again by the rules.",
    ),
    Rule(
        "GOV015",
        "Rules that no vote changed",
        "Every number that a vote is counted by stands in the rules. Once votes can be held, only a "
        "vote changes it.",
        "Put the new text to the vote, as a file of the proposal's folder.",
    ),
    Rule(
        "GOV016",
        "Two proposals voted on in one pull request",
        "A ballot is a line in a review of the pull request, on the texts of one commit. Where two proposals "
        "share it, each such line would be a ballot on both.",
        "Open a pull request for each, and write its number into `pull`.",
    ),
    Rule(
        "GOV017",
        "A vote on a text that answers no objection",
        "Whoever votes should see what was said against it, and what came of that; and whoever objected, "
        "that it was heard.",
        "Add the section `## Objections` to proposal.md before the vote: each objection and its answer, or "
        "that none was raised.",
    ),
    Rule(
        "GOV018",
        "Days of comment in which nobody could see the proposal",
        "Whoever writes an event writes its date, and a date in the past would take away the days in which "
        "others can object. They count from the merge that brought the event, if that is later.",
        "Merge the event `comment` first, and put the proposal to the vote when its days are over since. "
        "`fairlead tally --open` counts them so.",
    ),
    # -- ARC -------------------------------------------------------------------------------------
    Rule(
        "ARC001",
        "An archived folder that no manifest speaks of",
        "An archive holds files by their digests, and only a manifest says which they are. A folder without "
        "one would lose its raw files quietly.",
        "List the folder of a submission, of a rerun or of neutral rounds; `fairlead archive` does.",
    ),
    Rule(
        "ARC002",
        "Archived before its time",
        "New results are looked at most, and are to be had with the repository alone. The days stand in "
        "methodology/governance/rules.yaml, so that nobody moves what is still in dispute as it suits him.",
        "Restore the raw files, and let `fairlead archive` choose: it moves what is old enough.",
    ),
    Rule(
        "ARC003",
        "An archived raw file is in no store",
        "A result without its raw requests cannot be recomputed. An archive that lost a file has to get it "
        "back before anybody may rely on the number.",
        "Put the object back, from a copy of the store or from the commit before the one that archived it: "
        "`git show <commit>:<path>`. Its name is its digest, so anybody's copy will do.",
    ),
    Rule(
        "ARC004",
        "An archived raw file has other bytes",
        "The manifest states size and digest of each raw file. A store that gives anything else was written "
        "by half, or somebody changed the object. Not a byte of it is used.",
        "Put the right object in its place, from a copy or from the commit before the one that archived it.",
    ),
    Rule(
        "ARC005",
        "An archived raw file is not on this machine",
        "Most commands use no network, so that the same files give the same answer everywhere. What is "
        "archived is fetched by one command only, which verifies every byte and keeps it.",
        "Run `fairlead check --deep`, then the command again.",
    ),
    # -- HIS -------------------------------------------------------------------------------------
    Rule(
        "HIS001",
        "Raw data was changed or removed",
        "Windows, certificates and manifests' raw files are append-only: what was published stays what it"
        " was.",
        "Restore the file. A correction is a new submission that names this one in `corrects`.",
    ),
    Rule(
        "HIS002",
        "A registration was changed or removed",
        "A registration is merged before the run so that the plan cannot follow the results. It stays what "
        "the merge that first added it made of it.",
        "Restore the file. To plan something else, register again.",
    ),
    Rule(
        "HIS003",
        "A ratified methodology was changed or removed",
        "A vote ratified this text. Changing it afterwards would change the rules of results that exist.",
        "Restore the files. To change the method, propose a new version.",
    ),
    Rule(
        "HIS004",
        "History was rewritten",
        "Events are only ever added at the end; none is edited or removed.",
        "Restore the earlier events, and say what has changed in a new one.",
    ),
    Rule(
        "HIS005",
        "More than one kind of thing in one change",
        "A change to the method and a change to results are reviewed by different people under different "
        "rules. Together, one could hide behind the other.",
        "Split the change: one pull request for each kind of thing.",
    ),
    Rule(
        "HIS006",
        "A thing with an id was removed or renamed",
        "Ids are never reused and never renamed, so that a link to a row or a provider works for ever.",
        "Restore the file. A provider that leaves gets `status: withdrawn`; a submission gets a "
        "`withdrawn` event.",
    ),
    Rule(
        "HIS007",
        "Append-only rules were not checked",
        "What may never change is proven against git. This folder is not under git, so nothing could be "
        "proven.",
        "Run the check in a git checkout, with `fetch-depth: 0` on a runner.",
        Severity.WARNING,
    ),
    Rule(
        "HIS008",
        "The record of a vote was changed",
        "Who may vote, on which text, by which rules and until when is written down when a vote opens, "
        "and each ballot when it is seen. Otherwise the count could be made to fit.",
        "Restore the record. An edited ballot is one more entry; a changed text is put to the vote anew.",
    ),
    Rule(
        "HIS009",
        "A frozen snapshot was changed or removed",
        "The state at the end of a quarter is cited by its address, so what is there stays what it was. What"
        " became of a row later, a retraction too, is said on the snapshot's page, which is made anew each"
        " time.",
        "Restore the files.",
    ),
    Rule(
        "HIS010",
        "A snapshot that is not whole",
        "A snapshot is what `fairlead snapshot` makes of a commit for a quarter that is over, so that anybody"
        " can make it again. Its three files agree, and no spreadsheet takes a field of it for a formula.",
        "Delete the folder, make it anew with `fairlead snapshot`, and commit what that wrote.",
    ),
    # -- AUD -------------------------------------------------------------------------------------
    Rule(
        "AUD001",
        "A published table that cannot be read",
        "An audit compares each published figure with the raw data, so it needs the table as CSV with the"
        " known columns.",
        "Save the table as UTF-8 CSV with the columns that the message names.",
    ),
    Rule(
        "AUD002",
        "A row that states no known figure",
        "Only a figure whose metric and statistic are known can be computed again.",
        "Use the names of metrics and statistics that the message lists.",
    ),
    Rule(
        "AUD003",
        "A figure that is published twice",
        "Two rows for one figure would be two answers to one question.",
        "Keep one of the two rows.",
    ),
    Rule(
        "AUD004",
        "A published figure without one run to hold it against",
        "A figure is audited against exactly the raw requests that it was made from.",
        "Import that run, and no other of the same model and provider, into the root.",
    ),
    Rule(
        "AUD005",
        "An imported run that cannot be audited",
        "The raw requests must be readable, and must still say what their source records say.",
        "Import the run again from its source.",
    ),
    # -- IMP -------------------------------------------------------------------------------------
    Rule(
        "IMP001",
        "A run that is not whole",
        "A run of another tool is several files that belong together. Importing one without the others would "
        "drop what it said.",
        "Give the folder as the tool wrote it, with every file.",
    ),
    Rule(
        "IMP002",
        "A result file that is not JSON",
        "The tool writes JSON; what is not cannot be trusted to be its result.",
        "Copy the file again from where the tool wrote it.",
    ),
    Rule(
        "IMP003",
        "A record of another form",
        "Each figure is mapped by a formula that needs the tool's own fields, in their own types.",
        "Import results of the version of the tool that the importer names, unedited.",
    ),
    Rule(
        "IMP004",
        "A run whose name and content differ",
        "The file's name says which provider and model were measured, and so does its content.",
        "Rename the files after what they hold.",
    ),
    Rule(
        "IMP005",
        "A run that contradicts itself",
        "The tool's own summary and its single requests disagree.",
        "Give the summary and the requests of one and the same run.",
    ),
    Rule(
        "IMP006",
        "A run of something that the root does not describe",
        "Imported results belong to a provider, an endpoint and a model of the root.",
        "Add what the message names to the root first.",
    ),
    Rule(
        "IMP007",
        "A file that is there already and says something else",
        "An import never overwrites: what is in the root may have been reviewed.",
        "Compare the two files, then delete the one in the root or leave the import out.",
    ),
    Rule(
        "IMP008",
        "A file of another version of the tool",
        "Tools rename their fields and change what they mean. What a field means has to be known to be read.",
        "Run the tool in a version whose form the importer names, or ask for the other one.",
    ),
    Rule(
        "IMP009",
        "A record that holds an access key",
        "Each record is kept and published as the tool wrote it. What looks like a key is never published.",
        "Revoke the key, take it out of the tool's settings and run the tool again.",
    ),
    # -- BUG -------------------------------------------------------------------------------------
    Rule(
        "BUG001",
        "A check of ours failed",
        "The data was not judged, because our own code broke on it. Nothing that you wrote should be able"
        " to do that.",
        "Please report it with the file that is named. The other checks ran.",
    ),
)

RULES: Mapping[str, Rule] = types.MappingProxyType({rule.code: rule for rule in _RULES})
