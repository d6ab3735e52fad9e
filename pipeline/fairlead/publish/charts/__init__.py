"""Charts of the site: what each shows as a Vega-Lite specification, and its picture. See ``chart`` first."""
