"""PyPI schemathesis against a gateway's REST that serves: it sends what the description allows, and what
it does not, without a token, with one that may only see the status, and with one that may everything, and
checks every answer against the description. Standard input: one JSON job {url, token, weak, record, seed,
examples, without?}; `record` is a deposit that is taken; `without` takes an answer out of the description
first, so that a test can see that it is missed. Standard output: {operations: {name: {status: count}},
failures}."""

import json
import sys
import warnings
from collections import Counter

import hypothesis
import requests
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

# Not among them: `unsupported_method` (a method that is not there is 404 here).
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


class Run:
    def __init__(self, job):
        self.url, self.examples, self.seed = job["url"], job["examples"], job["seed"]
        self.tokens = {"none": None, "weak": job["weak"], "strong": job["token"]}
        self.record, self.record_id, self.invitation = job["record"], "A" * 22, "A" * 22
        self.key = 0
        self.seen, self.failures = {}, []
        self.session = requests.Session()
        self.session.trust_env = False
        description = self.session.get(self.url + "/v1/openapi.json").json()
        if "without" in job:
            path, method, status = job["without"]
            del description["paths"][path][method]["responses"][status]
        self.schema = schemathesis.openapi.from_dict(description)

    def own(self, name, case):
        """Makes a generated request one that is done, and not only refused."""
        if name == "depositRecord":
            self.key += 1
            case.body = dict(self.record, unique=[self.key])
            case.headers["Idempotency-Key"] = '"key-%d"' % self.key
        if name == "readRecord":
            case.path_parameters["record"] = self.record_id
        if name == "invite":
            case.body = {"purpose": "Your papers", "case_reference": self.record["case_reference"]}
        if name == "readInvitation":
            case.path_parameters["invitation"] = self.invitation
        if name == "readLink":
            case.path_parameters["case_reference"] = self.record["case_reference"]

    def send(self, operation, name, case, who, own):
        if own:
            self.own(name, case)
        arguments = case.as_transport_kwargs(base_url=self.url)
        fields = ("method", "url", "headers", "params", "data", "json", "cookies")
        made = requests.Request(**{k: v for k, v in arguments.items() if k in fields})
        request = self.session.prepare_request(made)
        request.headers.pop("Authorization", None)
        if self.tokens[who] is not None:
            request.headers["Authorization"] = "Bearer " + self.tokens[who]
        response = self.session.send(request, timeout=20)
        label = operation.method.upper() + " " + operation.path
        status = response.status_code
        self.seen.setdefault(label, Counter())[f"{who} {status}"] += 1
        if status == 202:
            self.record_id = response.json()["id"]
        if status == 201:
            self.invitation = response.json()["id"]
        case.validate_response(response, checks=CHECKED)

    def operation(self, operation, mode, who, own=False):
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
            self.send(operation, name, case, who, own)

        try:
            test()
        except BaseException as failure:  # Groups of failures too.
            if isinstance(failure, hypothesis.errors.Unsatisfiable) and mode is GenerationMode.NEGATIVE:
                return  # A request without parts has none that could be wrong.
            parts = getattr(failure, "exceptions", [failure])
            text = "; ".join(f"{type(p).__name__}: {p}" for p in parts)
            place = f"{operation.method.upper()} {operation.path} ({mode.value}, {who}, own: {own})"
            self.failures.append(f"{place}: {text}"[:1500])

    def all(self):
        operations = [result.ok() for result in self.schema.get_all_operations()]
        # What gives names comes first, so that they can be asked for.
        operations.sort(key=lambda o: o.method.upper() == "GET")
        for operation in operations:
            self.operation(operation, GenerationMode.POSITIVE, "strong", own=True)
            for who in self.tokens:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    self.operation(operation, mode, who)
        return {"operations": self.seen, "failures": self.failures}


print(json.dumps(Run(json.load(sys.stdin)).all()))
