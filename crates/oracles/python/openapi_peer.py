"""PyPI schemathesis against a hub that serves: it sends what the hub's own description allows, and what
it does not, unsigned and signed, and checks every answer against the description. Standard input: one
JSON job {url, hub, seed, examples, without?}; `without` takes an answer out of the description first, so
that a test can see that it is missed. Standard output: {operations: {name: {status: count}}, failures}."""

import base64
import hashlib
import json
import sys
import time
import warnings
from collections import Counter

import hypothesis
import requests
import schemathesis
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.checks import CHECKS

# Not among them: `unsupported_method` (a method that is not there is 404 here, so that nothing is told
# about an address) and those that want to sign in.
CHECK_NAMES = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]

warnings.simplefilter("ignore")
load_all_checks()
CHECKED = CHECKS.get_by_names(CHECK_NAMES)


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# As large as the smallest object; the hub cannot tell that nothing is sealed in it.
OBJECT = bytes(65552)


class Signer:
    """One key that signs as docs/spec/hub.md says, and the address 0 that it owns."""

    def __init__(self, hub, seed):
        self.hub = hub
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"%d" % seed).digest())
        public = serialization.PublicFormat.Raw
        self.public = self.key.public_key().public_bytes(serialization.Encoding.Raw, public)
        self.address = b64u(hashlib.sha256(self.public).digest())
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64u(self.public)}

    def sign(self, request):
        """Adds the three headers to a prepared request."""
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        digest = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
        path, _, query = request.path_url.partition("?")
        params = (
            '("@method" "@path" "@query" "content-digest");created=%d;keyid="%s";alg="ed25519";tag="denizen/%s"'
            % (time.time(), b64u(self.public), self.hub)
        )
        base = "\n".join([
            '"@method": ' + request.method,
            '"@path": ' + path,
            '"@query": ?' + query,
            '"content-digest": ' + digest,
            '"@signature-params": ' + params,
        ])
        request.headers["Content-Digest"] = digest
        request.headers["Signature-Input"] = "sig1=" + params
        request.headers["Signature"] = "sig1=:" + base64.b64encode(self.key.sign(base.encode())).decode() + ":"

    def own(self, operation, case, locator):
        """Makes a generated request one that this key may send, so that it is answered and not refused."""
        if "address" in (case.path_parameters or {}):
            case.path_parameters["address"] = self.address
        if operation == "registerAddress":
            case.body = {"v": 1, "auth": self.jwk, "accepts": [{"self": True}]}
        if operation == "changeAccepts" and isinstance(case.body, dict):
            case.body["accepts"] = [{"self": True}]
        if operation in ("readRoot", "deleteRoot"):
            case.path_parameters["locator"] = locator
        if operation == "readDirectoryTile":
            case.path_parameters["path"] = "0/000.p/2"
        if operation in ("putObject", "readObject", "eraseObject"):
            case.path_parameters["id"] = b64u(hashlib.sha256(OBJECT).digest())
        if operation == "readObject":
            case.query = {"offset": 0}
        if operation == "putObject":
            size, length = len(OBJECT).to_bytes(4, "big"), len(OBJECT).to_bytes(4, "big")
            head = b"\x86\x50" + bytes(16) + b"\x1a" + size + b"\x00\xf6\xf4"
            case.body = head + b"\x5a" + length + OBJECT
        if operation == "putRoot":
            case.body = {"wrapped": b64u(b"wrapped"), "owner": self.jwk}
        # A long poll would only wait.
        if "wait" in (case.query or {}):
            case.query["wait"] = 0


def cbor_bodies():
    """Bodies of the right outer shape and of none: the hub tells them apart, not this description."""
    item = b"\x84" + b"\x50" + bytes(16) + b"\x41\x00" + b"\xf6" + b"\xf4"
    whole = st.sampled_from([b"\x80", b"\x81" + item, b"\x82" + item + item, b"\x81\x43abc"])
    return st.one_of(whole, st.binary(max_size=300))


class Run:
    def __init__(self, job):
        self.url, self.examples, self.seed = job["url"], job["examples"], job["seed"]
        # More than one only to register more than the hub allows in a minute.
        self.signers = [Signer(job["hub"], job["seed"] + number) for number in range(8)]
        self.turn, self.locator = 0, "A" * 43
        self.seen, self.failures = {}, []
        self.session = requests.Session()
        self.session.trust_env = False
        schemathesis.openapi.media_type("application/cbor", cbor_bodies())
        schemathesis.openapi.media_type("application/statuslist+jwt", st.binary(max_size=300))
        description = self.session.get(self.url + "/v1/openapi.json").json()
        if "without" in job:
            path, method, status = job["without"]
            del description["paths"][path][method]["responses"][status]
        self.schema = schemathesis.openapi.from_dict(description)

    def signer(self, name, own):
        if not own or name != "registerAddress":
            return self.signers[0]
        self.turn += 1
        return self.signers[(self.turn - 1) % len(self.signers)]

    def send(self, operation, name, case, own):
        signer = self.signer(name, own)
        if own:
            signer.own(name, case, self.locator)
        elif "wait" in (case.query or {}) and isinstance(case.query["wait"], int):
            case.query["wait"] = min(case.query["wait"], 0)
        arguments = case.as_transport_kwargs(base_url=self.url)
        fields = ("method", "url", "headers", "params", "data", "json", "cookies")
        made = requests.Request(**{k: v for k, v in arguments.items() if k in fields})
        request = self.session.prepare_request(made)
        if own and operation.definition.raw["security"]:
            signer.sign(request)
        response = self.session.send(request, timeout=20)
        label = operation.method.upper() + " " + operation.path
        if name == "putRoot" and response.status_code == 204:
            self.locator = case.path_parameters["locator"]
        self.seen.setdefault(label, Counter())[str(response.status_code)] += 1
        case.validate_response(response, checks=CHECKED)

    def operation(self, operation, mode, own):
        name = operation.definition.raw["operationId"]

        @hypothesis.seed(self.seed)
        @hypothesis.settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=False,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def test(case):
            self.send(operation, name, case, own)

        try:
            test()
        except BaseException as failure:  # Groups of failures too.
            if isinstance(failure, hypothesis.errors.Unsatisfiable) and mode is GenerationMode.NEGATIVE:
                return  # A request without parts has none that could be wrong.
            parts = getattr(failure, "exceptions", [failure])
            text = "; ".join(f"{type(p).__name__}: {p}" for p in parts)
            place = f"{operation.method.upper()} {operation.path} ({mode.value}, own: {own})"
            self.failures.append(f"{place}: {text}"[:1500])

    def all(self):
        operations = [result.ok() for result in self.schema.get_all_operations()]
        # What deletes comes last, when all else has been answered; the whole address after its parts.
        operations.sort(key=lambda o: (o.method.upper() == "DELETE", o.path == "/v1/addresses/{address}"))
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self.operation(operation, mode, own=False)
            self.operation(operation, GenerationMode.POSITIVE, own=True)
        return {"operations": self.seen, "failures": self.failures}


print(json.dumps(Run(json.load(sys.stdin)).all()))
