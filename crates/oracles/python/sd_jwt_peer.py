"""PyPI sd-jwt and a hand-written status list beside the product. Standard input: one JSON job."""

import base64
import json
import sys
import zlib

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier


def key(jwk):
    return JWK.from_json(json.dumps(jwk))


def unb64u(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(job):
    """Reads a presentation of ours. A refusal is an answer, not a crash."""
    try:
        verifier = SDJWTVerifier(
            job["presentation"],
            lambda _issuer, _header: key(job["issuer_key"]),
            job.get("aud"),
            job.get("nonce"),
        )
        return {"claims": verifier.get_verified_payload()}
    except Exception as error:  # noqa: BLE001
        return {"refused": f"{type(error).__name__}: {error}"}


def concealed(value, path, rules):
    """Wraps what is selectively disclosable, as the library wants it."""
    if isinstance(value, dict):
        out = {}
        for name, inner in value.items():
            here = path + [name]
            out[SDObj(name) if here in rules else name] = concealed(inner, here, rules)
        return out
    if isinstance(value, list):
        here = path + [None]
        inner = [concealed(item, here, rules) for item in value]
        return [SDObj(item) for item in inner] if here in rules else inner
    return value


def issue(job):
    """Issues, then presents with key binding."""
    issuer = SDJWTIssuer(
        concealed(job["claims"], [], job["sd"]),
        key(job["issuer_key"]),
        key(job["holder_key"]),
        add_decoy_claims=job["decoys"],
        extra_header_parameters={"typ": "dc+sd-jwt", "kid": job["kid"]},
    )
    holder = SDJWTHolder(issuer.sd_jwt_issuance)
    holder.create_presentation(job["disclose"], job["nonce"], job["aud"], key(job["holder_key"]))
    return {"credential": issuer.sd_jwt_issuance, "presentation": holder.sd_jwt_presentation}


def present(job):
    """Presents a credential of ours."""
    holder = SDJWTHolder(job["credential"])
    holder.create_presentation(job["disclose"], job["nonce"], job["aud"], key(job["holder_key"]))
    return {"presentation": holder.sd_jwt_presentation}


def status(job):
    """Reads a status list token of ours. Source: Token Status List sections 4.1 and 5.1."""
    token = JWS()
    token.deserialize(job["token"])
    token.verify(key(job["key"]), alg="ES256")
    header, payload = token.jose_header, json.loads(token.payload)
    bits = payload["status_list"]["bits"]
    packed = zlib.decompress(unb64u(payload["status_list"]["lst"]))
    per_byte = 8 // bits
    at = lambda i: packed[i // per_byte] >> (i % per_byte * bits) & ((1 << bits) - 1)
    return {
        "typ": header["typ"],
        "sub": payload["sub"],
        "bits": bits,
        "entries": len(packed) * per_byte,
        "statuses": [at(i) for i in job["indexes"]],
    }


def sign_status(job):
    """Makes a status list token for us to read."""
    packed = bytearray(job["entries"] // 4)
    for index, value in job["set"]:
        packed[index // 4] |= value << (index % 4 * 2)
    lst = base64.urlsafe_b64encode(zlib.compress(bytes(packed), 9)).decode().rstrip("=")
    payload = {"sub": job["uri"], "iat": job["iat"], "ttl": 60, "status_list": {"bits": 2, "lst": lst}}
    token = JWS(json.dumps(payload))
    header = {"alg": "ES256", "typ": "statuslist+jwt", "kid": job["kid"]}
    token.add_signature(key(job["key"]), alg="ES256", protected=json.dumps(header))
    return {"token": token.serialize(compact=True)}


ACTS = {"verify": verify, "issue": issue, "present": present, "status": status, "sign_status": sign_status}

jobs = json.load(sys.stdin)["jobs"]
json.dump([ACTS[job["act"]](job) for job in jobs], sys.stdout)
