"""What authentication.sh asks of the judges."""

import authheaders
import checkdmarc.dmarc
import checkdmarc.spf
import spf

from judges import DOMAIN, ask_knot, send, signatures

SERVICE, ADDRESS, STRANGER = "mail.service.example", "192.0.2.1", "192.0.2.99"


def check(name, expected, given):
    assert given == expected, f"{name}: expected {expected!r}, got {given!r}"
    print(f"ok: {name}: {given}")


def spf_of(address, sender):
    return spf.check2(i=address, s=sender, h=SERVICE)[0]


def main():
    resolver = ask_knot()
    sender, message = send("Your parcel", html="<p>Hello <a href=\"https://example.com/a\">Ada</a></p>")
    check("bounces come back to the domain's own name", f"pb-bounces.{DOMAIN}", sender.split("@")[1])
    check("SPF (pyspf) of the service's address", "pass", spf_of(ADDRESS, sender))
    check("SPF (pyspf) of a stranger's", "softfail", spf_of(STRANGER, sender))
    found = signatures(message)
    check("DKIM (dkimpy)", [True, True], list(found.values()))

    # For DMARC one of the two has to pass for a domain within the author's: here both do.
    check("the domain that SPF is about is within the author's", True, sender.endswith(f".{DOMAIN}"))
    check("the domain that DKIM is about is the author's", 2, message.count(f"d={DOMAIN};".encode()))
    forged = message.replace(b"Hello", b"Hullo")
    cases = [("the service", ADDRESS, message, "pass"), ("a forwarder", STRANGER, message, "pass"),
             ("a forger", STRANGER, forged, "fail")]
    for name, address, given, expected in cases:
        result = authheaders.authenticate_message(
            given, "mx.example.net", spf=True, dkim=True, dmarc=True, ip=address, mail_from=sender, helo=SERVICE)
        for method in ("dkim", "dmarc"):
            check(f"{method.upper()} (authheaders) of mail from {name}", True, f"{method}={expected}" in result)

    record = checkdmarc.dmarc.check_dmarc(DOMAIN, resolver=resolver)
    check("the DMARC record (checkdmarc)", (True, "none"), (record["valid"], record["tags"]["p"]["value"]))
    record = checkdmarc.spf.check_spf(f"pb-bounces.{DOMAIN}", resolver=resolver)
    check("the SPF record (checkdmarc)", (True, []), (record["valid"], record.get("warnings", [])))
    assert record["dns_lookups"] <= 10, record


main()
