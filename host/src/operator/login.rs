//! Signing in and out of the pages for operators.

use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue, LOCATION, SET_COOKIE};

use super::access::{COOKIE_NAME, SESSION_SECS, check_origin};
use super::{Asked, page};
use crate::app::App;
use crate::error::{Error, Result};
use crate::pages;
use crate::reply::Reply;
use crate::secrets::OPERATOR_TOKEN_FILE;

/// The form. `to` is the page that it leads back to.
pub(super) fn form(app: &App, asked: &Asked) -> Reply {
    let to = local(&asked.parameter("to").unwrap_or_default());
    page(StatusCode::OK, pages::login::form(&view(app, &to, None)))
}

/// Takes the token, and leads to where the person wanted to go.
pub(super) fn sign_in(app: &App, asked: &Asked) -> Result<Reply> {
    check_origin(&asked.uri, &asked.headers)?;
    let to = local(&asked.field("to").unwrap_or_default());
    let token = asked.field("token").unwrap_or_default();
    let name = asked.field("name").unwrap_or_default();
    match app.access.sign_in(asked.peer, &token, name.trim(), app.now()) {
        Ok(cookie) => {
            tracing::info!(peer = %asked.peer, "an operator signed in");
            Ok(see_other(&to).with(SET_COOKIE, cookie_header(&cookie, SESSION_SECS)))
        }
        Err(error @ (Error::Unauthorized(_) | Error::TooMany { .. })) => {
            let status = error.answer("").status;
            Ok(page(status, pages::login::form(&view(app, &to, Some(error.to_string())))))
        }
        Err(error) => Err(error),
    }
}

/// Ends the session in this browser, and leads back to the page that it was ended on.
pub(super) fn sign_out(asked: &Asked) -> Reply {
    see_other(&local(&asked.field("to").unwrap_or_default())).with(SET_COOKIE, cookie_header("", 0))
}

/// After a post: the browser gets the next page, so that going back or reloading repeats nothing.
pub(super) fn see_other(to: &str) -> Reply {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    Reply::new(StatusCode::SEE_OTHER, "text/plain", "")
        .with(LOCATION, to)
        .with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

fn view(app: &App, to: &str, wrong: Option<String>) -> pages::login::FormView {
    let is_file = app.config.operator_token.is_none();
    let token_file = is_file.then(|| app.config.data_dir.join(OPERATOR_TOKEN_FILE).display().to_string());
    pages::login::FormView { to: to.to_owned(), wrong, token_file }
}

fn cookie_header(value: &str, secs: i64) -> HeaderValue {
    let cookie = format!("{COOKIE_NAME}={value}; Path=/; Max-Age={secs}; HttpOnly; SameSite=Strict");
    HeaderValue::from_str(&cookie).expect("digits, dots and letters may stand in a header")
}

/// A path of this listener, whatever was asked for: nobody is led elsewhere.
fn local(to: &str) -> String {
    let is_local =
        to.starts_with('/') && !to.starts_with("//") && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_local { to.to_owned() } else { "/plugins".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_no_other_site() {
        assert_eq!(local("/plugins/a?b=c"), "/plugins/a?b=c");
        for foreign in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "evil"] {
            assert_eq!(local(foreign), "/plugins", "{foreign}");
        }
    }
}
