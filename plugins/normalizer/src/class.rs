//! Why an email came back, in one word, and whether that is for good.

use crate::types::BounceType;

/// Why an email came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// No such mailbox.
    UserUnknown,
    /// No such domain or host.
    HostUnknown,
    /// The domain takes no mail at all, for example by a null MX (RFC 7505).
    NoMailService,
    /// What is written is no address.
    BadAddress,
    /// The person left and the mailbox does not forward.
    Moved,
    /// The mailbox has another owner than it had (RFC 7293).
    OwnerChanged,
    /// The mailbox is closed, suspended or long unused. Operators differ on whether that is for good.
    MailboxDisabled,
    /// Over quota.
    MailboxFull,
    /// The server's disk is full.
    SystemFull,
    /// The message is too large.
    TooBig,
    /// The recipient, or a filter of theirs, does not want this mail.
    RecipientRefused,
    /// The sender's address or domain is refused.
    SenderRefused,
    /// SPF, DKIM or DMARC.
    AuthFailure,
    /// The sending address has no matching PTR record.
    ReverseDns,
    /// The sending host is on a list or has a bad name.
    Blocked,
    /// A rule of the receiver.
    Policy,
    /// Judged to be unwanted content.
    Spam,
    /// Judged to be harmful content.
    Virus,
    /// The message's form or an attachment is refused.
    Content,
    /// TLS or a login is asked for.
    Security,
    /// The server does not accept mail for that domain.
    RelayDenied,
    /// Too much at once.
    RateLimited,
    /// No connection, no answer, or a name server that failed.
    Network,
    /// Tried for as long as the queue keeps mail.
    Expired,
    /// The message came back to a server it had passed.
    Loop,
    /// The server is broken or misconfigured.
    SystemError,
    /// One side spoke SMTP wrongly.
    Protocol,
    /// It failed, and nothing says why.
    Undetermined,
}

impl Class {
    /// The word in `event.class`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UserUnknown => "user-unknown",
            Self::HostUnknown => "host-unknown",
            Self::NoMailService => "no-mail-service",
            Self::BadAddress => "bad-address",
            Self::Moved => "moved",
            Self::OwnerChanged => "owner-changed",
            Self::MailboxDisabled => "mailbox-disabled",
            Self::MailboxFull => "mailbox-full",
            Self::SystemFull => "system-full",
            Self::TooBig => "too-big",
            Self::RecipientRefused => "recipient-refused",
            Self::SenderRefused => "sender-refused",
            Self::AuthFailure => "auth-failure",
            Self::ReverseDns => "reverse-dns",
            Self::Blocked => "blocked",
            Self::Policy => "policy",
            Self::Spam => "spam",
            Self::Virus => "virus",
            Self::Content => "content",
            Self::Security => "security",
            Self::RelayDenied => "relay-denied",
            Self::RateLimited => "rate-limited",
            Self::Network => "network",
            Self::Expired => "expired",
            Self::Loop => "loop",
            Self::SystemError => "system-error",
            Self::Protocol => "protocol",
            Self::Undetermined => "undetermined",
        }
    }

    /// Only what is wrong with the address itself is hard. The sender's fault never is.
    pub(crate) fn bounce_type(self) -> BounceType {
        match self {
            Self::UserUnknown
            | Self::HostUnknown
            | Self::NoMailService
            | Self::BadAddress
            | Self::Moved
            | Self::OwnerChanged => BounceType::Hard,
            _ => BounceType::Soft,
        }
    }

    /// Whether words that say this outweigh a firm code that means `by_code`: servers are known to answer
    /// `5.1.1` to mail they refuse for these reasons.
    pub(crate) fn overrules(self, by_code: Self) -> bool {
        by_code.bounce_type() == BounceType::Hard
            && matches!(
                self,
                Self::MailboxFull
                    | Self::Moved
                    | Self::NoMailService
                    | Self::RelayDenied
                    | Self::Blocked
                    | Self::SenderRefused
                    | Self::AuthFailure
                    | Self::Spam
                    | Self::Virus
                    | Self::RateLimited
                    | Self::Expired
            )
    }
}
