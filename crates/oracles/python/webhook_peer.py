"""PyPI standardwebhooks: another implementation of the specification checks what a hook was told. Standard
input: one JSON job {secret, requests: [{headers, body}]}. Standard output: the decoded bodies, or the name
of the error, one for each request."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def checked(webhook, request):
    try:
        return {"body": webhook.verify(request["body"], request["headers"])}
    except WebhookVerificationError as error:
        return {"error": type(error).__name__}


job = json.load(sys.stdin)
webhook = Webhook(job["secret"])
print(json.dumps([checked(webhook, request) for request in job["requests"]]))
