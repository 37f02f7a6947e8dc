//! What can be wrong with a record, in stable words. The README's table says for each what to change.

use serde::{Deserialize, Serialize};

use super::super::event::words;

words! {
    /// What is wrong with a record.
    Fault {
        /// Nothing is there.
        Missing = "missing",
        /// Something else is there.
        Mismatch = "mismatch",
        /// The beginning of it is there, mostly the first 255 bytes of a key.
        Truncated = "truncated",
        /// Its parts are there as records of their own, not as strings of one.
        Split = "split",
        /// Several are there where one has to be.
        Duplicate = "duplicate",
        /// It is there under another name.
        WrongHost = "wrong_host",
        /// The name is an alias of another, whose records are seen instead.
        CnameInTheWay = "cname_in_the_way",
        /// The name is an alias that leads back to itself, or through too many others.
        CnameLoop = "cname_loop",
        /// It is there with quotes, backslashes or spaces that somebody added.
        BadlyQuoted = "badly_quoted",
        /// More records are there than anybody reads.
        TooManyRecords = "too_many_records",
        /// It is right where it was changed, and others still remember what was there before.
        NotPropagated = "not_propagated",
        /// Some of the zone's servers have it and some have not.
        ServersDiffer = "servers_differ",
        /// Nobody registered the domain, or nothing leads to its zone.
        NoSuchDomain = "no_such_domain",
        /// The zone's servers do not know the zone.
        Refused = "refused",
        /// The zone's servers, or the resolver, know the zone and cannot answer.
        ServerFailure = "server_failure",
        /// The zone's signatures are wrong, so resolvers throw its answers away.
        DnssecBogus = "dnssec_bogus",
        /// Nobody who was asked answered in time.
        Unreachable = "unreachable",
        /// The SPF record cannot be read, so receivers take it for none.
        SpfSyntax = "spf_syntax",
        /// The SPF record makes receivers look up more than 10 names (RFC 7208 section 4.6.4).
        TooManyLookups = "too_many_lookups",
        /// The SPF record makes receivers look up more than 2 names that have nothing.
        VoidLookups = "void_lookups",
        /// The SPF record includes a domain that has none.
        IncludeMissing = "include_missing",
        /// The key was taken back: its record has an empty `p=`.
        Revoked = "revoked",
        /// The DMARC record cannot be read, so receivers take it for none.
        DmarcSyntax = "dmarc_syntax",
        /// It is good, and asks for less than it could: DMARC with `p=none`, SPF with `+all`.
        WeakPolicy = "weak_policy",
    }
}
