//! What signatures and earlier checks say.

use super::support::{Case, Mail, letter, points, spares};

fn checked(results: &str) -> Mail {
    letter().header("Authentication-Results", results)
}

fn signed(signature: &str) -> Mail {
    letter().header("DKIM-Signature", signature)
}

const GOOD: &str = "v=1; a=rsa-sha256; d=analytical.example; s=k; h=from:to; bh=x=; b=y=";
const OTHER: &str = "v=1; a=rsa-sha256; d=notes.com; s=k; h=from:to; bh=x=; b=y=";
const UNCOVERED: &str = "v=1; a=rsa-sha256; d=analytical.example; s=k; h=to; bh=x=; b=y=";
const HEADLESS: &str = "v=1; a=rsa-sha256; d=analytical.example; s=k; bh=x=; b=y=";
const OLD: &str = "v=1; a=rsa-sha1; d=analytical.example; s=k; h=From; bh=x=; b=y=";
const SHORT: &str = "v=1; a=rsa-sha256; d=analytical.example; s=k; l=10; h=from; bh=x=; b=y=";

pub fn cases() -> Vec<Case> {
    let passed = "mx.notes.com; spf=pass; dkim=pass; dmarc=pass (fail=no)";
    vec![
        points("AUTHENTICATION_DMARC_FAIL", checked("mx; dmarc=fail (p=reject) x=y"), "dmarc=fail (p=reject) x=y"),
        spares("AUTHENTICATION_DMARC_FAIL", checked(passed)),
        points("AUTHENTICATION_SPF_FAIL", checked("mx; dkim=pass;  SPF=Fail"), "SPF=Fail"),
        spares("AUTHENTICATION_SPF_FAIL", checked("mx; spf=softfail")),
        points("AUTHENTICATION_DKIM_FAIL", checked("mx; dkim=fail"), "dkim=fail"),
        spares("AUTHENTICATION_DKIM_FAIL", checked("mx; dkim=failed-to-look; x-dkim=fail")),
        points("DKIM_SIGNATURE_INCOMPLETE", signed(HEADLESS), HEADLESS),
        spares("DKIM_SIGNATURE_INCOMPLETE", signed(GOOD)),
        points("DKIM_FROM_UNSIGNED", signed(UNCOVERED), UNCOVERED),
        spares("DKIM_FROM_UNSIGNED", signed(OLD)),
        points("DKIM_BODY_LENGTH", signed(SHORT), SHORT),
        spares("DKIM_BODY_LENGTH", signed(GOOD)),
        points("DKIM_SHA1", signed(OLD), OLD),
        spares("DKIM_SHA1", signed(GOOD)),
        points("DKIM_OTHER_DOMAIN", signed(OTHER), OTHER),
        spares("DKIM_OTHER_DOMAIN", signed(OTHER).header("dkim-signature", GOOD)),
    ]
}
