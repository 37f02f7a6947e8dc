//! The words by which servers say why they refuse mail, and what each means.
//!
//! The table is searched from the top and the first phrase found decides, so the order is part of the knowledge:
//! what a sentence is about (the sender, its authentication, its address) stands before what it also mentions.
//! To add a rule, add a phrase in lower case to its class. `*` stands for at most [`GAP_BYTES_MAX`] bytes; `@`
//! stands for any mail address.

use crate::class::Class;

/// How much text a `*` in a phrase may stand for.
const GAP_BYTES_MAX: usize = 70;

// Laid out by hand: one phrase a line would hide the order of the classes.
#[rustfmt::skip]
const PHRASES: &[(Class, &[&str])] = &[
    (Class::AuthFailure, &[
        "unauthenticated email", "unauthenticated mail", "dmarc", "dkim", "spf check", "spf fail", "spf validation",
        "spf record", "spf:", "sender policy framework", "spf (sender", "openspf", "fails to pass authentication",
        "failed authentication check", "authentication-results", "does not pass authentication", "sender id (pra)",
        "not authorized to send", "is not allowed to send mail from", "not permitted to send from",
        "message fails * verification", "did not meet email authentication",
    ]),
    (Class::ReverseDns, &[
        "reverse dns", "reverse hostname", "reverse lookup", "reverse-dns", "ptr record", "no ptr", "missing ptr",
        "rdns", "ptr lookup", "cannot find your hostname", "cannot find your reverse", "unresolvable relay host",
        "client host rejected: cannot find", "ip name lookup failed", "cannot resolve your address",
        "does not have a ptr", "dns ptr", "forward-confirmed", "unknown client host",
        "domain name lookup failed for your ip", "fix reverse",
    ]),
    (Class::NoMailService, &[
        "does not accept mail", "doesn't accept mail", "null mx", "indicated no smtp service", "nullmx",
        "recipient address has null mx", "does not accept email", "not a mail server", "no mail service",
        "does not receive mail", "does not accept any mail", "mail receiving disabled",
        "smtp protocol returned a permanent error 521",
    ]),
    (Class::SenderRefused, &[
        "sender address rejected", "sender rejected", "sender domain", "domain of sender", "sender verify",
        "sender verification", "sender denied", "invalid sender", "unknown sender", "sender unknown",
        "sender address is", "sender's address", "sender not allowed", "sender is not", "sender refused",
        "mail from * rejected", "mail from: domain", "return path is not", "envelope sender * refused", "bad sender",
        "badmailfrom", "backscatter", "sender address * does not", "unresolvable sender",
        "cannot resolve your domain", "domain name in from", "from address * not", "address <> is not", "null sender",
        "empty envelope sender", "from: * not permitted", "could not verify the sender", "unable to verify sender",
        "no matches to nameserver query for your", "domain does not resolve for sender", "can't verify sender",
        "sender's domain", "verification of your address", "no such sender", "callback",
    ]),
    (Class::MailboxFull, &[
        "mailbox full", "mailbox exceed", "exceeded the local limit", "mailbox is full", "mailbox was full",
        "mail box full", "mail box is full", "inbox is full", "inbox full", "over quota", "overquota", "over * quota",
        "quota exceed", "exceed* quota", "exceed* storage", "quota full", "quota is full", "out of quota",
        "full quota", "quota violation", "storage quota", "disk quota", "quota limit", "out of storage",
        "mailfolder is full", "folder is full", "mailbox size limit", "mailbox limit", "mailbox has exceeded",
        "exceeds * mailbox", "exceed* mailbox", "exceeded * storage", "exceeded its size", "account is full",
        "account full", "user is full", "maximum mailbox", "not enough storage", "not enough free space",
        "not enough space", "no space for user", "insufficient space", "space limit", "storage is full",
        "mailbox * full", "mailbox * quota", "maildir over", "over the allowed quota", "overdrawn",
        "over the maximum allowed", "overquotatemp", "overquotaperm", "quotaexceeded", "has run out of space",
        "full mailbox", "mail quota", "too many messages in", "too many mails in", "delivery would exceed",
        "limit reached * mailbox", "exceeded the space", "message exceeds * quota",
        "has too many messages on the server", "storage space", "out of space", "message storage limit",
        "limit on the mailbox", "user's disk", "boîte * pleine", "messagerie * pleine", "buzón * lleno", "caixa * cheia",
        "casella piena", "casella * piena", "postfach * voll", "переполнен", "邮箱已满", "信箱已满", "邮箱空间不足", "容量を超え",
        "メールボックスが一杯", "용량 초과", "skrzynka * pełna", "schránka * plná", "mailbox vol",
    ]),
    (Class::TooBig, &[
        "message too large", "message too big", "message is too large", "message is too big", "size exceeds",
        "size limit", "exceeds * size", "exceed* size", "exceeds maximum message", "message size",
        "message file too big", "mail too big", "message too long", "file too big", "too large to",
        "message length exceeds", "larger than the current", "larger than * limit", "maximum size", "body too large",
        "exceeded maximum inbound",
    ]),
    (Class::Virus, &[
        "virus", "malware", "infected", "trojan", "phishing", "worm found", "harmful content", "dangerous content",
    ]),
    (Class::UserUnknown, &[
        "nosuchuser", "unknown user", "user unknown", "user * unknown", "unknown or illegal alias",
        "unknown local part", "unknown local-part", "no such user", "no such person", "no such recipient",
        "no such mailbox", "no such account", "no such address", "no such email", "no such local", "no such name",
        "not such user", "there is no such", "such user doesn't", "nobody here by that name",
        "no one here by that name", "no mailbox here", "no mail box", "no mailbox by that name", "no user by that",
        "no account by that", "no user with", "no valid recipient", "not a valid mailbox", "not a valid recipient",
        "not a valid user", "isn't a valid", "not a known user", "not a known recipient", "not known at this",
        "not known here", "is not a known", "unknown recipient", "recipient unknown", "recipient * unknown",
        "unknown mailbox", "were unknown", "address * unknown", "receiver not found", "mailbox unknown",
        "unknown account", "account unknown", "address unknown", "unknown address", "user not known",
        "user * not known", "recipient not known", "user does not exist", "user doesn't exist",
        "user * does not exist", "user * doesn't exist", "user not exist", "user not found", "user * not found",
        "user cannot be found", "recipient not found", "recipient * not found", "recipientnotfound",
        "mailbox not found", "mailbox * not found", "mailbox does not exist", "mailbox doesn't exist",
        "mailbox not exist", "mailbox * does not exist", "mailbox * doesn't exist", "account does not exist",
        "account doesn't exist", "account not found", "account * does not exist", "account * doesn't exist",
        "account that you tried to reach does not", "address does not exist", "address doesn't exist",
        "address not found", "address * does not exist", "address * doesn't exist", "address couldn't be found",
        "address wasn't found", "address * couldn't be found", "address * wasn't found",
        "email address could not be found", "e-mail address could not be found", "recipient does not exist",
        "recipient doesn't exist", "recipient * does not exist", "recipient * doesn't exist",
        "recipient is not found", "recipient no found", "doesn't have a * account", "does not have a * account",
        "does not have an account", "doesn't have an account", "not have an email account", "invalid recipient",
        "invalid mailbox", "invalid user", "invalid address", "invalid email address", "recipient is invalid",
        "recipient * invalid", "invalid account", "invalid local", "bad destination mailbox", "bad destination email",
        "bad recipient", "bad address", "bad mailbox", "bad user", "illegal user", "illegal alias",
        "incorrect recipient", "address invalid", "address is invalid", "mailbox is invalid", "user is invalid",
        "user invalid", "mailbox invalid", "mailbox unavailable", "mailbox is unavailable",
        "mailbox currently unavailable", "mailbox not available", "recipient address rejected: undeliverable",
        "recipient address rejected: access denied", "recipient address rejected: unknown",
        "recipient address rejected: no such", "recipient address rejected: invalid", "recipient * was not found",
        "unrouteable address", "unroutable address", "unrouteable mail", "not our customer", "not our user",
        "not listed in", "is not listed", "not in our directory", "not found in * directory", "not present in",
        "resolver.adr", "550 not found", "resolver.rst.recipnotfound", "recipnotfound",
        "not found by smtp address lookup", "smtp address lookup", "no longer available", "no longer valid",
        "no longer exists", "no longer in use", "no longer active", "no longer an active", "no longer on server",
        "no longer employed", "no longer works", "no longer with", "not a working address", "is not a valid address",
        "does not exist at", "does not exist on this", "does not exist here", "does not exist in", "user doesn`t",
        "user not listed", "addressee unknown", "user not local", "not local; please", "unable to find user",
        "unable to find recipient", "can't find user", "cannot find user", "cannot find recipient",
        "could not find user", "unable to validate recipient", "unable to verify user", "cannot be verified",
        "recipient verify failed", "recipient verification", "cannot verify user", "account expired",
        "account has expired", "account closed", "account has been closed", "account deleted", "been deleted",
        "mailbox closed", "mailbox deleted", "deactivated mailbox", "unknown to", "delivery to * is not possible",
        "i couldn't find any host * by that name as user", "dosn't exist", "does't exist", "dont exist",
        "don't exist", "this user doesn", "this address no longer", "this account does not", "vdelivermail: no",
        "vpopmail: no", "not_exist", "err_user_unknown", "unknownrecipient", "unknown_user", "user_unknown",
        "no existe", "utilisateur inconnu", "adresse inconnue", "benutzer unbekannt", "empfänger unbekannt",
        "unbekannter empf", "usuario desconocido", "destinatario sconosciuto", "inexistente", "user not registered",
        "not registered", "sorry, no mailbox", "addresses failed: unknown", "mailbox for * does", "no aceptado",
        "recipient is not exist", "is not exist", "local user only", "mailbox disabled for this recipient",
        "does not like recipient", "unknown userid", "unknown user-id", "user id * not", "address error",
        "mailbox has moved",
    ]),
    (Class::Moved, &[
        "has moved", "user moved", "has been replaced by", "address has changed", "recipient has moved",
        "changed * e-mail address", "new address is", "mailbox moved", "user not local; please try", "moved to",
        "address changed",
    ]),
    (Class::MailboxDisabled, &[
        "disabled recipient", "account disabled", "account is disabled", "account has been disabled",
        "account * disabled", "mailbox disabled", "mailbox is disabled", "mailbox * disabled", "user disabled",
        "user is disabled", "address disabled", "recipient disabled", "email account is not active",
        "email * is inactive", "account inactive", "account is inactive", "mailbox inactive", "mailbox is inactive",
        "user is inactive", "user inactive", "inactive user", "inactive account", "inactive mailbox", "inactive on",
        "inactivity", "not active", "account suspended", "account is suspended", "account has been suspended",
        "mailbox suspended", "recipient suspended", "user suspended", "user is suspended", "address suspended",
        "domain suspended", "temporarily suspended", "is suspended", "has been suspended", "account blocked",
        "account is blocked", "account locked", "account is locked", "account has been locked", "mailbox locked",
        "mailbox is frozen", "mailbox frozen", "account is frozen", "discontinued", "temporarily disabled",
        "temporary locked", "temporarily locked", "currently suspended", "currently disabled",
        "account is not active", "disabled due to", "disabled or discontinued",
        "account that you tried to reach is disabled", "account unavailable", "user is terminated",
        "recipient's mailbox is not active", "user account is expired", "dormant", "account * deactivated",
        "been deactivated", "is deactivated",
    ]),
    (Class::RelayDenied, &[
        "relay denied", "relaying denied", "relay access denied", "relay not permitted", "relaying not permitted",
        "relay is not permitted", "not permitted to relay", "relaying not allowed", "relay not allowed",
        "unable to relay", "cannot relay", "can't relay", "not allowed to relay", "relaying is prohibited",
        "relay prohibited", "no relaying", "relaying disallowed", "insecure mail relay", "we do not relay",
        "we don't relay", "does not relay", "rcpthosts", "relay operation rejected", "is not relayed",
        "not a gateway", "isn't in my list of allowed",
        "mail server requires authentication when attempting to send to a non-local", "not local domain",
        "open relay",
    ]),
    (Class::RateLimited, &[
        "too many connections", "too many concurrent", "too many simultaneous", "too many sessions",
        "too many recipients", "too many messages", "too many emails", "too many mails", "too many errors",
        "too many invalid", "too many bad", "too fast", "too quickly", "too much mail", "rate limit", "ratelimit",
        "rate-limit", "message rate", "limit exceeded", "exceeded the rate", "exceeded * rate", "throttl",
        "connection limit", "connections exceeded", "sending limit", "receiving mail at a rate", "greylist",
        "graylist", "grey-list", "greylisting", "try again later, temporarily deferred", "maximum number of",
        "unusual rate", "concurrent connections", "exceeded the maximum number", "quota of messages", "hourly limit",
        "daily limit", "daily * quota", "sends too many",
    ]),
    (Class::HostUnknown, &[
        "host unknown", "unknown host", "unknown domain", "domain unknown", "no such domain", "no such host",
        "domain not found", "host not found", "domain does not exist", "domain doesn't exist",
        "domain * does not exist", "domain * doesn't exist", "domain couldn't be found", "domain * couldn't be found",
        "host does not exist", "domain is not valid", "domain invalid", "invalid domain", "illegal host",
        "host name lookup fail", "nxdomain", "domain is not reachable", "non-existent", "nonexistent domain",
        "name or service not known", "hostname * not known", "domain name not found", "domain name does not",
        "no mail exchanger", "has no mx", "no mx record", "no mx or a", "could not find any host",
        "couldn't find any host", "couldn't find any mail", "cannot find any host", "unable to resolve host",
        "unrouteable mail domain", "unrouteable domain", "unroutable domain", "unroutable mail domain",
        "bad destination host", "bad destination system", "destination host * unknown", "server does not exist",
        "mail domain mentioned in email address is unknown", "domain must exist", "dns hard error", "no such dns",
        "host/domain", "could not be found in the dns", "dns error: * not found", "domain lookup fail", "nohost",
        "domain is not found", "can't find the domain", "no route to domain", "no route found to domain",
        "no a, aaaa or mx", "lookup of * failed permanently",
    ]),
    (Class::Blocked, &[
        "blocklist", "block list", "blacklist", "black list", "black-list", "blocked using", "blocked by",
        "is blocked", "been blocked", "was blocked", "are blocked", "denylist", "dnsbl", " rbl", "spamhaus",
        "spamcop", "barracuda", "sorbs", "senderbase", "senderscore", "cloudmark", "uceprotect", "invaluement",
        "spfbl", "reputation", "banned", "bad ip", "your ip", "ip address * rejected", "ip address has been",
        "access denied", "client host rejected", "client host * blocked", "host * rejected",
        "connection refused by policy", "connection rejected", "connections not accepted",
        "not accepting connections from", "dynamic ip", "dynamic pool", "dynamically", "residential", "dialup",
        "dial-up", "service refused", "refused by * list", "listed at", "listed in", "listed by", "listed on",
        "network is blocked", "mail server * temporarily blocked", "your network", "helo", "ehlo",
        "access restricted", "rejecting open proxy", "tss0", "ts0", "deferred due to", "unexpected volume",
        "user complaints", "complaints", "we do not accept mail from", "does not accept mail from your",
        "poor * reputation", "no access from mail server", "your mail server",
    ]),
    (Class::Spam, &[
        "spam", "junk mail", "junkmail", "unsolicited", "bulk mail", "bulk email", "unwanted", "looks like",
        "appears to be", "high score", "content filter", "content rejected", "bayes",
        "message rejected due to content", "contents * rejected", "considered * uce", "url in this", "blocked url",
        "surbl", "uribl", "scored", "suspicious",
    ]),
    (Class::RecipientRefused, &[
        "recipient refuse", "refused by recipient", "rejected by recipient", "recipient rejected",
        "recipient has blocked", "blocked by recipient", "blocked by the recipient", "user reject", "does not allow",
        "only accept", "accepting mail from specific", "not accepting mail", "not accepting message",
        "not currently accepting", "does not want", "notauthorized", "not authorized to send to",
        "restricted address", "doesn't accept messages from", "protected by", "restricted to", "permission to send",
        "not permitted to send", "whitelist", "list members only", "members only", "not a subscriber",
        "recipient is not accepting", "refuse to receive", "refused to receive", "refuses to accept",
        "personal blocklist", "unable to deliver * policy of recipient", "mail refused",
        "list moderator", "held for moderation", "awaits moderator", "groups.google.com/support",
    ]),
    (Class::Content, &[
        "attachment", "header * invalid", "invalid header", "headers are not", "malformed", "missing header",
        "missing date", "mime error", "rfc 5322", "rfc5322", "rfc 2822", "rfc2822", "rfc 822", "not rfc", "bare lf",
        "bare newline", "line too long", "lines too long", "message format", "bad header", "duplicate header", "8bit",
        "smtputf8", "charset", "file type", "executable", "html content", "badly formed", "invalid structure",
        "media not supported", "conversion",
    ]),
    (Class::Expired, &[
        "delivery time expired", "message expired", "retry timeout exceeded", "retry time not reached",
        "retry time exceeded", "expired", "could not be delivered for", "delivery attempts", "maximum retries",
        "retries exceeded", "retry limit", "message timed out", "cannot send message for",
        "message has been in the queue", "in the queue too long", "been in queue too long", "queue too long",
        "too long on server", "giving up on", "could not deliver for the last", "delivery failed * attempts",
        "has not been collected", "i'm not going to try again", "undeliverable for", "unable to deliver * days",
        "message too old", "given up", "timeout for delivery", "was not delivered within",
        "could not deliver your mail within", "not been delivered * hours", "were unsuccessful for",
    ]),
    (Class::Loop, &[
        "mail loop", "mail forwarding loop", "too many hops", "hop count", "routing loop", "loops back",
        "delivery loop", "loop detected", "message looping", "too many received", "mail is looping", "smtp loop",
        "looping",
    ]),
    (Class::Network, &[
        "connection timed out", "connection refused", "connection reset", "connection dropped", "connection lost",
        "lost connection", "connection was", "connection closed", "connection broken", "connection failed",
        "connect to", "could not connect", "cannot connect", "couldn't connect", "unable to connect", "can't connect",
        "wasn't able to establish", "network is unreachable", "network unreachable", "no route to host",
        "host unreachable", "host is down", "unreachable", "not responding", "no answer", "not reachable",
        "timed out", "timeout", "name server", "nameserver", "name service", "dns lookup", "dns fail", "dns error",
        "dns server", "dns query", "dns problem", "temporary lookup failure", "lookup fail", "all hosts",
        "could not contact", "cannot contact", "unable to contact", "did not respond", "failed to connect",
        "establish an smtp connection", "communication failure", "conversation with", "bad connection",
        "no servers available", "dns loop", "mx problem", "mx points to", "primary and secondary",
        "host not reachable", "domain name server", "cname lookup", "network error", "could not find a gateway",
        "problem talking to", "smtp connection",
    ]),
    (Class::Security, &[
        "starttls", "tls required", "tls is required", "must use tls", "encryption required",
        "encryption is required", "authentication required", "authentication is required", "requires authentication",
        "auth required", "certificate", "ssl handshake", "tls handshake", "authentication failed",
        "username and password", "login", "dane", "mta-sts",
    ]),
    (Class::Policy, &[
        "policy", "not allowed", "prohibited", "denied", "administrative", "not authorized", "not permitted",
        "forbidden", "unacceptable", "refused", "for security reasons", "security",
    ]),
    (Class::SystemFull, &[
        "insufficient system storage", "disk full", "disk is full", "no space left", "system storage", "out of disk",
        "insufficient disk", "queue file write", "mail system full",
    ]),
    (Class::Protocol, &[
        "syntax error", "bad sequence", "command not", "unrecognized command", "unknown command", "protocol error",
        "command unrecognized", "need rcpt", "need mail", "not implemented", "pipelining", "out of order",
        "smtp command",
    ]),
    (Class::SystemError, &[
        "local error", "system error", "internal error", "server error", "configuration error", "misconfigur",
        "cannot open", "can't open", "unable to open", "can't create", "cannot create", "i/o error", "read error",
        "write error", "not configured", "config", "command failed", "command died", "process failed", "exit status",
        "died with status", "could not write", "unable to write", "temporarily unavailable", "try again later",
        "service not available", "service unavailable", "resources", "out of memory", "temporary failure",
        "temporary error", "temporary problem", "unexpected failure", "local configuration", "local problem",
        "server busy", "try later", "database", "backend", "ldap", "procmail", "filter command", "couldn't process",
        "cannot process", "processing error", "mailer error", "aliasing", "permission denied", "service down",
        "offline",
    ]),
    (Class::HostUnknown, &["domain name * does not appear to be registered"]),
    (Class::UserUnknown, &[
        "address rejected", "rejected address", "destinataire inconnu", "adresse introuvable", "n'existe pas",
        "usuário desconhecido", "não existe", "utente sconosciuto", "non esiste", "nicht gefunden", "existiert nicht",
        "не найден", "не существует", "неизвестный пользователь", "不存在", "查无此", "宛先が見つかりません",
        "存在しません", "見つかりませんでした", "존재하지 않", "nie istnieje", "neexistuje", "bestaat niet", "finns inte",
        "findes ikke", "finnes ikke", "bulunamadı",
    ]),
    (Class::RecipientRefused, &[
        "rejected", "reject", "not accept", "blocked",
    ]),
];

const COUNT: usize = count();
/// Past the last phrase.
const NONE: usize = COUNT;

/// Every phrase in the order of the table, and which of them begin with each byte. The compiler makes it: a plugin is
/// started afresh for each call, so what is built at start would be built every time.
struct Index {
    phrases: [(Class, &'static str); COUNT],
    /// The first phrase that begins with a byte.
    first: [usize; 256],
    /// The next phrase that begins with the same byte.
    next: [usize; COUNT],
}

static INDEX: Index = index();

const fn count() -> usize {
    let mut count = 0;
    let mut group = 0;
    while group < PHRASES.len() {
        count += PHRASES[group].1.len();
        group += 1;
    }
    count
}

#[expect(clippy::large_stack_arrays, reason = "it is run by the compiler alone")]
const fn index() -> Index {
    let mut index = Index { phrases: [(PHRASES[0].0, ""); COUNT], first: [NONE; 256], next: [NONE; COUNT] };
    let mut number = COUNT;
    let mut group = PHRASES.len();
    // From the last to the first, so that each chain is in the order of the table.
    while group > 0 {
        group -= 1;
        let (class, phrases) = PHRASES[group];
        let mut place = phrases.len();
        while place > 0 {
            place -= 1;
            number -= 1;
            let byte = phrases[place].as_bytes()[0] as usize;
            index.phrases[number] = (class, phrases[place]);
            index.next[number] = index.first[byte];
            index.first[byte] = number;
        }
    }
    index
}

/// The class that the words tell, and the phrase that told it.
///
/// One pass over the text: at each byte only the phrases that begin with it are compared, and of those only such
/// as stand above the best one so far.
pub(crate) fn find(text: &str) -> Option<(Class, &'static str)> {
    let text = normalized(text);
    let bytes = text.as_bytes();
    let mut best = NONE;
    for (at, &byte) in bytes.iter().enumerate() {
        let mut number = INDEX.first[usize::from(byte)];
        while number < best {
            if begins(&bytes[at..], INDEX.phrases[number].1) {
                best = number;
            } else {
                number = INDEX.next[number];
            }
        }
    }
    INDEX.phrases.get(best).copied()
}

/// Lower case, runs of blanks made one, curly apostrophes made plain, and mail addresses made `@`, so that a name
/// in an address is never taken for a word of the server.
fn normalized(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !plain.is_empty() {
            plain.push(' ');
        }
        if word.contains('@') {
            plain.push('@');
            let tail = word.rfind(['>', ')', ']']).map_or("", |at| &word[at + 1..]);
            plain.extend(tail.chars().filter(char::is_ascii).map(|c| c.to_ascii_lowercase()));
        } else {
            plain
                .extend(word.chars().map(|c| if matches!(c, '’' | '`' | '´') { '\'' } else { c.to_ascii_lowercase() }));
        }
    }
    plain
}

/// Whether the text begins with the phrase. What stands behind a `*` is looked for in a window of fixed size, so
/// the time stays in proportion to the text.
fn begins(text: &[u8], phrase: &str) -> bool {
    let Some((first, rest)) = phrase.split_once('*') else { return text.starts_with(phrase.as_bytes()) };
    let Some(behind) = text.strip_prefix(first.as_bytes()) else { return false };
    let window = &behind[..behind.len().min(GAP_BYTES_MAX + rest.len())];
    window.windows(rest.len()).any(|place| place == rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Class>) {
        assert_eq!(find(text).map(|(class, _)| class), expected, "{text}: {:?}", find(text));
    }

    #[test]
    fn what_a_sentence_is_about_decides() {
        check("550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown", Some(Class::UserUnknown));
        check("550 Sender address rejected: Domain not found", Some(Class::SenderRefused));
        check(
            "Unauthenticated email from example.com is not accepted due to domain's DMARC policy",
            Some(Class::AuthFailure),
        );
        check("The email account that you tried to reach is over quota", Some(Class::MailboxFull));
        check("user <ada@example.com> does\r\n\tnot exist", Some(Class::UserUnknown));
        check("The user’s mailbox is full", Some(Class::MailboxFull));
        check("blocked using zen.spamhaus.org", Some(Class::Blocked));
        check("The domain example.com does not accept mail (nullMX)", Some(Class::NoMailService));
    }

    #[test]
    fn names_in_addresses_are_no_words() {
        check("<spam@blacklist.example>", None);
        check("", None);
    }

    #[test]
    fn a_gap_has_an_end() {
        let near = format!("user {} unknown", "x".repeat(GAP_BYTES_MAX));
        check(&near, Some(Class::UserUnknown));
        let far = format!("user {} unknown", "x".repeat(GAP_BYTES_MAX + 1));
        check(&far, None);
    }

    #[test]
    fn every_phrase_is_written_as_it_is_searched() {
        for (_, phrases) in PHRASES {
            for phrase in *phrases {
                assert!(
                    phrase.len() >= 3
                        && !phrase.starts_with('*')
                        && !phrase.ends_with('*')
                        && *phrase == phrase.to_lowercase()
                        && !phrase.contains("  "),
                    "{phrase}"
                );
                assert!(phrase.matches('*').count() <= 1, "{phrase}");
            }
        }
    }
}
