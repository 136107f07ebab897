//! The wire contract of the hub: routes, bodies, request signatures, problem kinds, typed client over a transport.
