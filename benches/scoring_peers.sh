#!/usr/bin/env bash
# SpamAssassin and rspamd beside the built-in scorer, on the same labelled files in the same run, without network: how well each tells
# spam from ham, with and without Bayes trained on the same part of the mail, and what a message costs each. Ours is learned from that
# part and from made-up mail, and judges the other part, which it did not see.
#
#   benches/scoring_peers.sh MAIL [TRAIN] [TEST]
#
# MAIL has labels.tsv beside eml/; TRAIN and TEST are how many messages take part (1500 and 500), chosen by a hash of their ids. Needs
# Debian's spamassassin, rspamd and, for rspamd's Bayes, redis-server; python3 and perl come along with them.
set -euo pipefail
cd "$(dirname "$0")/.."

mail=${1:?say in which directory the labelled mail is}
train=${2:-1500}
test=${3:-500}
here=benches/scoring_peers
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"

"$here/split.py" "$mail" "$train" "$test" "$scratch"

echo "Ours" >&2
(cd plugins && cargo build --quiet --release --locked -p pillarbox-scorer-train)
plugins/target/release/pillarbox-scorer-train "$scratch/train" --judge "$scratch/test" >"$scratch/ours.points"
# The shipped weights have seen these files, so only what they cost counts.
if [ "${SPEED:-on}" = on ]; then
    cargo bench --quiet --bench scoring_eval -- "$scratch/test" --json >"$scratch/ours.json"
fi

echo "SpamAssassin" >&2
for bayes in off on; do
    "$here/spamassassin.pl" "$bayes" "$scratch" >"$scratch/spamassassin-$bayes.points"
done

echo "rspamd" >&2
for bayes in off on; do
    "$here/rspamd.py" "$bayes" "$scratch" >"$scratch/rspamd-$bayes.points" || echo "rspamd with Bayes $bayes: not to be had" >&2
done

"$here/compare.py" "$scratch"
