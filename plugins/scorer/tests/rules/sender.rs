//! Who a message is from.

use super::support::{Case, letter, notes, points, spares};

pub fn cases() -> Vec<Case> {
    vec![
        notes("FROM_MISSING", letter().no_from().header("To", "x@notes.com")),
        spares("FROM_MISSING", letter().no_from()),
        points("FROM_INVALID", letter().from("Ada", "ada"), "ada"),
        points("FROM_INVALID", letter().from("Ada", "ada@notes..com"), "ada@notes..com"),
        spares("FROM_INVALID", letter().from("Ada", "\"a@b\"@notes.com")),
        points("FROM_NAME_OTHER_ADDRESS", letter().from("help@bank.com", "x@evil.net"), "x@evil.net"),
        spares("FROM_NAME_OTHER_ADDRESS", letter().from("help@bank.com", "x@mail.bank.com")),
        spares("FROM_NAME_OTHER_ADDRESS", letter().from("Ada @ Work", "x@evil.net")),
        points("FROM_NAME_BRAND", letter().from("PayPal Service", "x@evil.net"), "x@evil.net"),
        spares("FROM_NAME_BRAND", letter().from("PayPal Service", "x@mail.paypal.co.uk")),
        spares("FROM_NAME_BRAND", letter().from("Paypally Ltd", "x@paypally.net")),
        points("FROM_NAME_DISGUISED", letter().from("P\u{430}yroll", "x@notes.com"), "x@notes.com"),
        points("FROM_NAME_DISGUISED", letter().from("Pay\u{200b}roll", "x@notes.com"), "x@notes.com"),
        spares("FROM_NAME_DISGUISED", letter().from("\u{410}\u{43d}\u{43d}\u{430} Smith", "x@notes.com")),
        points("FROM_FREE_MAIL_COMPANY", letter().from("Notes Support", "notes@gmail.com"), "notes@gmail.com"),
        spares("FROM_FREE_MAIL_COMPANY", letter().from("Ada Lovelace", "ada@gmail.com")),
        spares("FROM_FREE_MAIL_COMPANY", letter().from("Notes Support", "help@notes.com")),
        points("FROM_NO_REPLY", letter().from("Ada", "no-reply@notes.com"), "no-reply@notes.com"),
        spares("FROM_NO_REPLY", letter().from("Ada", "no-reply@notes.com").reply_to("ada@notes.com")),
        points("REPLY_TO_FREE_MAIL", letter().reply_to("ada@gmail.com"), "ada@gmail.com"),
        spares("REPLY_TO_FREE_MAIL", letter().from("Ada", "ada@web.de").reply_to("ada@gmail.com")),
        points("REPLY_TO_OTHER_DOMAIN", letter().reply_to("ada@desk.com"), "ada@desk.com"),
        spares("REPLY_TO_OTHER_DOMAIN", letter().reply_to("ada@help.analytical.example")),
    ]
}
