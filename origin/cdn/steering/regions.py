"""Countries and continents. Pure.

A pathway names the regions it serves as ISO 3166-1 alpha-2 countries (`DE`) or continents in words (`europe`):
two-letter continent codes would be taken for countries (`AS`, `SA`, `NA`). An empty list serves everybody.
"""

from collections.abc import Set

_COUNTRIES = {
    "africa": """DZ AO BJ BW BF BI CV CM CF TD KM CG CD CI DJ EG GQ ER SZ ET GA GM GH GN GW KE LS LR LY MG MW ML MR MU
        YT MA MZ NA NE NG RE RW SH ST SN SC SL SO ZA SS SD TZ TG TN UG EH ZM ZW IO""",
    "antarctica": "AQ BV GS HM TF",
    "asia": """AF AM AZ BH BD BT BN KH CN CX CC CY GE HK IN ID IR IQ IL JP JO KZ KW KG LA LB MO MY MV MN MM NP KP OM PK
        PS PH QA SA SG KR LK SY TW TJ TH TL TR TM AE UZ VN YE""",
    "europe": """AX AL AD AT BY BE BA BG HR CZ DK EE FO FI FR DE GI GR GG HU IS IE IM IT JE XK LV LI LT LU MT MD MC ME
        NL MK NO PL PT RO RU SM RS SK SI ES SJ SE CH UA GB VA""",
    "north-america": """AI AG AW BS BB BZ BM BQ CA KY CR CU CW DM DO SV GL GD GP GT HT HN JM MQ MX MS NI PA PR BL KN LC
        MF PM VC SX TT TC US VG VI""",
    "oceania": "AS AU CK FJ PF GU KI MH FM NR NC NZ NU NF MP PW PG PN WS SB TK TO TV UM VU WF",
    "south-america": "AR BO BR CL CO EC FK GF GY PY PE SR UY VE",
}
CONTINENTS = frozenset(_COUNTRIES)
CONTINENT_OF = {country: continent for continent, countries in _COUNTRIES.items() for country in countries.split()}


def known(region: str) -> bool:
    """Whether a configuration may name this region: a country or a continent."""
    return region in CONTINENTS or region in CONTINENT_OF


def serves(regions: Set[str], country: str) -> bool:
    """Whether a pathway with these regions serves a viewer's country; an unknown one only where it serves everybody."""
    return not regions or country in regions or CONTINENT_OF.get(country) in regions
