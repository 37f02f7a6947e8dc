"""Posts notifications to a service as the libraries of others sign them, and some that nobody signed. webhooks.sh runs it."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from standardwebhooks.webhooks import Webhook as StandardWebhook
from svix.webhooks import Webhook as SvixWebhook

WORK, PORT = sys.argv[1], int(sys.argv[2])
TOPIC = "arn:aws:sns:us-east-1:123456789012:bounces"
KEY = "a-signing-key"


def add(name, *options, secret=None):
    """The address of a new source."""
    command = [os.environ["PILLARBOX_BIN"], "source", "add", name, "--json", *options]
    if secret:
        command += ["--secret-file", "-"]
    made = subprocess.run(command, input=secret, capture_output=True, text=True)
    if made.returncode != 0:
        sys.exit(f"FAILED: {name}: {made.stderr}")
    return json.loads(made.stdout)["url"]


def post(url, body, headers=None):
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def check(name, expected, given):
    if expected != given:
        sys.exit(f"FAILED: {name}: expected {expected}, got {given}")
    print(f"ok: {name}: {given}")


def standard(name, library, prefix):
    secret = "whsec_" + base64.b64encode(os.urandom(24)).decode()
    url = add(name, "--provider", "resend", secret=secret)
    body = '{"type":"email.bounced","data":{"to":["ada@example.com"]}}'

    def signed(age=0, key=secret, of=body):
        at = datetime.fromtimestamp(int(time.time()) - age, timezone.utc)
        signature = library(key).sign("msg_1", at, of)
        return {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": str(int(at.timestamp())), f"{prefix}-signature": signature}

    other = "whsec_" + base64.b64encode(os.urandom(24)).decode()
    check(f"{name}, signed", 200, post(url, body, signed()))
    check(f"{name}, signed long ago", 401, post(url, body, signed(age=330)))
    check(f"{name}, signed for later", 401, post(url, body, signed(age=-330)))
    check(f"{name}, another secret", 401, post(url, body, signed(key=other)))
    check(f"{name}, another body", 401, post(url, body, signed(of="{}")))
    check(f"{name}, unsigned", 401, post(url, body))
    both = signed()
    both[f"{prefix}-signature"] = signed(key=other)[f"{prefix}-signature"] + " " + both[f"{prefix}-signature"]
    check(f"{name}, two signatures", 200, post(url, body, both))


def sendgrid():
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    url = add("sendgrid", "--provider", "sendgrid", secret=base64.b64encode(public).decode())
    body = '[{"event":"bounce","email":"ada@example.com","timestamp":1710513000}]\r\n'
    at = str(int(time.time()))
    signature = base64.b64encode(key.sign((at + body).encode(), ec.ECDSA(hashes.SHA256()))).decode()
    prefix = "X-Twilio-Email-Event-Webhook-"
    headers = {prefix + "Signature": signature, prefix + "Timestamp": at}
    check("sendgrid, signed", 200, post(url, body, headers))
    check("sendgrid, another body", 401, post(url, body.strip(), headers))
    check("sendgrid, another time", 401, post(url, body, {**headers, prefix + "Timestamp": str(int(at) + 1)}))


def mailgun():
    url = add("mailgun", "--provider", "mailgun", secret=KEY)

    def body(key=KEY, event="e-1", token="token-1"):
        at = str(int(start))
        signature = hmac.new(key.encode(), (at + token).encode(), hashlib.sha256).hexdigest()
        return json.dumps({"signature": {"timestamp": at, "token": token, "signature": signature},
                           "event-data": {"id": event, "event": "complained", "recipient": "ada@example.com"}})

    start = time.time()
    check("mailgun, signed", 200, post(url, body()))
    check("mailgun, tried again", 200, post(url, body()))
    check("mailgun, another body by the same token", 401, post(url, body(event="e-2")))
    check("mailgun, another key", 401, post(url, body(key="another-key", token="token-2")))


class Sns(http.server.BaseHTTPRequestHandler):
    asked = []

    def do_GET(self):
        Sns.asked.append(self.path)
        found = self.path.startswith("/SimpleNotificationService-0a") or "Action=ConfirmSubscription" in self.path
        body = open(f"{WORK}/signer.pem", "rb").read() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def sns():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{WORK}/server.pem", f"{WORK}/server.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Sns)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key = serialization.load_pem_private_key(open(f"{WORK}/signer.key", "rb").read(), None)
    host = f"https://127.0.0.1:{PORT}"
    url = add("ses", "--provider", "ses", "--topic", TOPIC)

    def message(version="2", kind="Notification", **changes):
        made = {"Type": kind, "MessageId": os.urandom(8).hex(), "TopicArn": TOPIC, "Timestamp": "2024-03-15T14:30:00.000Z",
                "Message": '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":'
                           '[{"emailAddress":"ada@example.com"}]},"mail":{"messageId":"m-1"}}'}
        if kind != "Notification":
            made["Token"] = "t"
            made["SubscribeURL"] = f"{host}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t"
        made.update({name: value for name, value in changes.items() if name != "SigningCertURL"})
        names = sorted(name for name in made if name not in ("SignatureVersion",))
        signed = "".join(f"{name}\n{made[name]}\n" for name in names).encode()
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()
        made["SignatureVersion"] = version
        made["Signature"] = base64.b64encode(key.sign(signed, padding.PKCS1v15(), digest)).decode()
        made["SigningCertURL"] = changes.get("SigningCertURL", f"{host}/SimpleNotificationService-0a.pem")
        return made

    def posted(made, **changed):
        return post(url, json.dumps({**made, **changed}), {"Content-Type": "text/plain; charset=UTF-8"})

    check("SNS, version 2", 200, posted(message()))
    check("SNS, version 1", 200, posted(message("1")))
    check("SNS, with a subject", 200, posted(message(Subject="Amazon SES Email Event Notification")))
    check("SNS, another message", 401, posted(message(), Message="{}"))
    check("SNS, another version", 401, posted(message(), SignatureVersion="1"))
    check("SNS, a version of nobody", 401, posted(message(), SignatureVersion="3"))
    check("SNS, another topic", 401, posted(message(TopicArn=TOPIC + "2")))
    check("certificates that were fetched", 1, len(Sns.asked))
    check("SNS, a certificate that is away", 503, posted(message(SigningCertURL=f"{host}/SimpleNotificationService-0b.pem")))
    for elsewhere in (f"{host}/own.pem", "https://bucket.s3.amazonaws.com/SimpleNotificationService-0a.pem",
                      f"http://127.0.0.1:{PORT}/SimpleNotificationService-0a.pem"):
        check(f"SNS, a certificate at {elsewhere.split(':')[0]}:…{elsewhere[-12:]}", 401,
              posted(message(SigningCertURL=elsewhere)))
    Sns.asked.clear()
    check("SNS, a subscription that nobody signed", 401,
          posted(message(kind="SubscriptionConfirmation"), Token="u"))
    check("SNS, a subscription that leads elsewhere", 401,
          posted(message(kind="SubscriptionConfirmation", SubscribeURL="https://evil.example/?Action=ConfirmSubscription")))
    check("visits after those", [], Sns.asked)
    check("SNS, a subscription", 200, posted(message(kind="SubscriptionConfirmation")))
    check("visits after that", [f"/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t"], Sns.asked)
    check("SNS, its end", 200, posted(message(kind="UnsubscribeConfirmation")))
    check("visits after its end", 1, len(Sns.asked))


standard("svix", SvixWebhook, "svix")
standard("standardwebhooks", StandardWebhook, "webhook")
sendgrid()
mailgun()
sns()
