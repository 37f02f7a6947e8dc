//! Signing in (RFC 4954).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::failure::Failure;
use super::timeouts::Timeouts;
use super::wire::Wire;
use crate::config::smarthost::{Login, Mechanism};
use crate::mail::reply::{Reply, Stage};

/// Bytes of a command without its end (RFC 5321 section 4.5.3.1.4). What is longer follows by itself.
const COMMAND_BYTES_MAX: usize = 510;
/// Questions that a server may ask before it decides.
const QUESTIONS_MAX: usize = 3;

/// The mechanism to sign in with: the one that is set, else PLAIN or LOGIN if offered. A token is never sent where a
/// password was meant, so XOAUTH2 is only used when it is set.
fn choose(login: &Login, offered: &[Mechanism]) -> Option<Mechanism> {
    let wanted = login.mechanism.map_or(vec![Mechanism::Plain, Mechanism::Login], |mechanism| vec![mechanism]);
    wanted.into_iter().find(|mechanism| offered.contains(mechanism))
}

/// What we answer, in order, each before it is encoded. The first one goes with the command where there is room.
fn answers(login: &Login, mechanism: Mechanism) -> Vec<String> {
    let Login { user, password, .. } = login;
    match mechanism {
        Mechanism::Plain => vec![format!("\0{user}\0{password}")],
        Mechanism::Login => vec![user.clone(), password.clone()],
        Mechanism::XOauth2 => vec![format!("user={user}\u{1}auth=Bearer {password}\u{1}\u{1}")],
    }
}

/// Signs in. The reply of a server that refuses is in the failure.
pub(super) async fn sign_in(
    wire: &mut Wire,
    login: &Login,
    offered: &[Mechanism],
    timeouts: &Timeouts,
) -> Result<(), Failure> {
    let mechanism = choose(login, offered).ok_or(Failure::NoMechanism)?;
    let mut answers = answers(login, mechanism).into_iter().map(|answer| BASE64.encode(answer)).peekable();
    let mut command = format!("AUTH {}", mechanism.as_str());
    // LOGIN has no first answer in any standard.
    let fits = |answer: &String| mechanism != Mechanism::Login && command.len() + 1 + answer.len() <= COMMAND_BYTES_MAX;
    if let Some(answer) = answers.next_if(fits) {
        command = format!("{command} {answer}");
    }
    let mut reply = say(wire, &command, timeouts).await?;
    for _ in 0..QUESTIONS_MAX {
        match reply.code {
            // An empty answer to a question too many asks for the reason: XOAUTH2 refuses in this way.
            334 => reply = say(wire, &answers.next().unwrap_or_default(), timeouts).await?,
            235 => return Ok(()),
            _ => break,
        }
    }
    match reply.code {
        235 => Ok(()),
        400.. => Err(Failure::Refused(Stage::Auth, reply)),
        _ => Err(Failure::Unexpected(Stage::Auth, reply)),
    }
}

async fn say(wire: &mut Wire, line: &str, timeouts: &Timeouts) -> Result<Reply, Failure> {
    wire.write(Stage::Auth, timeouts.command, format!("{line}\r\n").as_bytes()).await?;
    wire.reply(Stage::Auth, timeouts.command).await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};

    use super::*;

    fn login(password: &str, mechanism: Option<Mechanism>) -> Login {
        Login { user: "ada".into(), password: password.into(), mechanism }
    }

    /// Signs in at a server that answers these lines, and says what it was sent.
    async fn talk(login: &Login, offered: &[Mechanism], replies: &[&str]) -> (Result<(), Failure>, Vec<String>) {
        let (near, far) = duplex(1 << 16);
        let mut wire = Wire::new(near);
        let timeouts = Timeouts::default();
        let serve = async {
            let (read, mut write) = tokio::io::split(far);
            let mut lines = BufReader::new(read).lines();
            let mut heard = Vec::new();
            for reply in replies {
                heard.push(lines.next_line().await.expect("it is read").expect("there is a line"));
                write.write_all(format!("{reply}\r\n").as_bytes()).await.expect("it is taken");
            }
            heard
        };
        tokio::join!(sign_in(&mut wire, login, offered, &timeouts), serve)
    }

    #[tokio::test]
    async fn plain_goes_in_one_line() {
        let (done, heard) = talk(&login("secret", None), &[Mechanism::Login, Mechanism::Plain], &["235 ok"]).await;
        done.expect("it signs in");
        assert_eq!(heard, ["AUTH PLAIN AGFkYQBzZWNyZXQ="]);
    }

    #[tokio::test]
    async fn login_answers_two_questions() {
        let replies = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok"];
        let (done, heard) = talk(&login("secret", None), &[Mechanism::Login], &replies).await;
        done.expect("it signs in");
        assert_eq!(heard, ["AUTH LOGIN", "YWRh", "c2VjcmV0"]);
    }

    #[tokio::test]
    async fn a_token_is_sent_only_where_it_is_meant_and_its_refusal_is_asked_for() {
        let offered = [Mechanism::XOauth2];
        let (done, heard) = talk(&login("token", None), &offered, &[]).await;
        assert!(matches!(done, Err(Failure::NoMechanism)) && heard.is_empty());
        let token = login("token", Some(Mechanism::XOauth2));
        let (done, heard) = talk(&token, &offered, &["334 eyJzdGF0dXMiOiI0MDEifQ==", "535 5.7.8 expired"]).await;
        assert!(matches!(done, Err(Failure::Refused(Stage::Auth, reply)) if reply.code == 535));
        assert_eq!(heard, ["AUTH XOAUTH2 dXNlcj1hZGEBYXV0aD1CZWFyZXIgdG9rZW4BAQ==", ""]);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_for_the_command_follows_it() {
        // `AUTH PLAIN ` and the answer, which is longer than the password by `\0ada\0` and a third.
        for (bytes, lines) in [(369, 1), (370, 2)] {
            let replies = [&["334 "][..], &["235 ok"]].concat();
            let (done, heard) =
                talk(&login(&"x".repeat(bytes), None), &[Mechanism::Plain], &replies[2 - lines..]).await;
            done.expect("it signs in");
            assert_eq!(heard.len(), lines, "{bytes}");
            assert!(heard.iter().all(|line| line.len() <= COMMAND_BYTES_MAX + 10), "{}", heard[0].len());
        }
    }

    #[tokio::test]
    async fn a_server_may_not_ask_for_ever() {
        let asks = |times: usize| [&vec!["334 "; times][..], &["235 ok"]].concat();
        let (done, _) = talk(&login("x", None), &[Mechanism::Plain], &asks(QUESTIONS_MAX)).await;
        done.expect("it signs in");
        let (done, _) = talk(&login("x", None), &[Mechanism::Plain], &asks(QUESTIONS_MAX + 1)[..=QUESTIONS_MAX]).await;
        assert!(matches!(done, Err(Failure::Unexpected(Stage::Auth, reply)) if reply.code == 334));
    }
}
