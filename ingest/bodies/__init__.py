"""HTTP bodies of the API: requests in (validated), responses out; the same models make /openapi.json."""
