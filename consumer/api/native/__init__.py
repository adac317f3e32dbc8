"""The native API, `/api/v2`: the query layer over HTTP."""
