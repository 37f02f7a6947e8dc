#!/usr/bin/env bash
# Signatures of plugins as openssl understands them: it verifies ours, and its keys sign.
. "$(dirname "$0")/support.bash"
need openssl jq base64
PLUGIN=$WORK/plugin.wasm
cp plugins/dist/scorer.wasm "$PLUGIN"
pillarbox() {
    PILLARBOX_DATA_DIR=$WORK/none "$PILLARBOX_BIN" "$@"
}
# as_openssl PUBLIC FILE: a public key as Pillarbox writes it, as a PEM file.
as_openssl() {
    {
        printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'
        printf '%s' "${1#ed25519:}" | base64 -d
    } | openssl pkey -pubin -inform DER -out "$2"
}
# openssl_verifies PUBLIC: whether the signature beside the plugin holds in openssl's eyes.
openssl_verifies() {
    as_openssl "$1" "$WORK/public.pem"
    jq -r .signature "$PLUGIN.sig" | base64 -d >"$WORK/signature"
    pillarbox plugin sign "$PLUGIN" --print-payload >"$WORK/payload"
    openssl pkeyutl -verify -pubin -inkey "$WORK/public.pem" -rawin -in "$WORK/payload" -sigfile "$WORK/signature" || true
}

PUBLIC=$(pillarbox plugin keygen --out "$WORK/ours.pem" --json | jq -r .public_key)
pillarbox plugin sign "$PLUGIN" --key "$WORK/ours.pem" >/dev/null
holds "openssl verifies a signature of ours" "Signature Verified Successfully" "$(openssl_verifies "$PUBLIC")"
is "openssl reads our private key and gets the same public one" \
    "$(cat "$WORK/public.pem")" "$(openssl pkey -in "$WORK/ours.pem" -pubout)"
jq '.signature = (.signature | (if startswith("A") then "B" else "A" end) + .[1:])' "$PLUGIN.sig" >"$WORK/changed"
mv "$WORK/changed" "$PLUGIN.sig"
holds "and not one with another first character" "Signature Verification Failure" "$(openssl_verifies "$PUBLIC")"
is "nor do we" bad_signature "$(pillarbox plugin verify "$PLUGIN" --key "$PUBLIC" --json | jq -r .code || true)"

openssl genpkey -algorithm ed25519 -out "$WORK/theirs.pem"
PUBLIC=$(pillarbox plugin sign "$PLUGIN" --key "$WORK/theirs.pem" --json | jq -r .public_key)
holds "a key that openssl made signs" "Signature Verified Successfully" "$(openssl_verifies "$PUBLIC")"
is "and we verify it" true "$(pillarbox plugin verify "$PLUGIN" --key "$PUBLIC" --json | jq -r .valid)"
openssl pkeyutl -sign -inkey "$WORK/theirs.pem" -rawin -in "$WORK/payload" -out "$WORK/by-openssl"
is "openssl signs the payload to the same bytes" "$(base64 -w0 "$WORK/signature")" "$(base64 -w0 "$WORK/by-openssl")"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$WORK/rsa.pem" 2>/dev/null
holds "another kind of key is refused in words" "not Ed25519" "$(pillarbox plugin sign "$PLUGIN" --key "$WORK/rsa.pem" 2>&1 || true)"
[ ! -e "$WORK/none" ] || fail "signing made a data directory"
echo "ok: none of it made a data directory"
