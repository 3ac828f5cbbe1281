"""HTTP parts that the API and the origin share: problem details, and a client that reaches public addresses only."""
