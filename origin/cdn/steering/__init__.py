"""Which CDN each session plays from, decided anew at every steering request.

`decide` makes the decision, from values alone: `score` and `rendezvous` order the pathways, `breaker` and `samples`
judge their health, `regions` maps countries to continents, `cmcd` parses what players report. `board` is what the
origins share in Redis, `lead` probes the CDNs and judges for all origins, `live` keeps this process's view up to date,
`routes` answers players.
"""
