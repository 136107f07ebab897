"""What PyPI sd-jwt costs for the same credential. Standard input: one JSON job; output: CPU microseconds of
this process for each issuing and each checking, and the last credential, which we check."""

import json
import sys
import time

from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

job = json.load(sys.stdin)
issuer_key, holder_key, public = (JWK(**job[name]) for name in ("issuer_key", "holder_key", "public"))
claims = {SDObj(name): value for name, value in job["claims"].items()} | job["registered"]


def issue():
    header = {"typ": "dc+sd-jwt", "kid": job["kid"]}
    return SDJWTIssuer(claims, issuer_key, holder_key, extra_header_parameters=header).sd_jwt_issuance


def verify():
    return SDJWTVerifier(credential, lambda _issuer, _header: public).get_verified_payload()


def cost(work):
    """The median of its rounds, after one that warms up."""
    rounds = []
    for _ in range(job["rounds"] + 1):
        began = time.process_time()
        for _ in range(job["times"]):
            work()
        rounds.append((time.process_time() - began) * 1e6 / job["times"])
    return sorted(rounds[1:])[job["rounds"] // 2]


credential = issue()
assert all(verify()[name] == value for name, value in job["claims"].items())
json.dump({"issue_us": cost(issue), "verify_us": cost(verify), "credential": credential}, sys.stdout)
