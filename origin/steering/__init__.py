"""Which CDN each session plays from, decided anew at every steering request.

`decide` says it, from values alone: `score` and `rendezvous` order the pathways, `breaker` and `samples` judge them,
`regions` says where a viewer is, `cmcd` reads what players tell. `board` is what the origins share in Redis, `lead`
probes the CDNs, `live` keeps this process's view fresh, `routes` answers players.
"""
