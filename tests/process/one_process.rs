//! One process for each data directory, and commands that find it.

use crate::harness::{Home, finish, free_address};

#[test]
fn a_second_service_on_a_data_directory_is_told_who_came_first() {
    let home = Home::prepared();
    let service = home.serve(&[]);
    let mut second = home.command(&["serve"]);
    second.env("PILLARBOX_LISTEN", free_address().to_string());
    second.env("PILLARBOX_OPERATOR_LISTEN", free_address().to_string());
    let process = format!("process {}", service.pid());
    finish(&mut second, b"").refuses(&[&process, &service.api.to_string()]);
    service.still_serves();
}

#[test]
fn a_port_that_is_taken_is_named_with_its_setting() {
    let (home, other) = (Home::prepared(), Home::prepared());
    let service = home.serve(&[]);
    let mut second = other.command(&["serve"]);
    let told = format!("cannot listen on {} (listen)", service.api);
    finish(second.env("PILLARBOX_LISTEN", service.api.to_string()), b"").refuses(&[&told]);
}

#[test]
fn a_command_acts_through_the_service_at_once() {
    let home = Home::prepared();
    let mut service = home.serve(&[]);
    let made = home.json(&["customer", "create", "--name", "Acme", "--email", "acme@example.org", "--json"]);
    service.key = made["api_key"].as_str().expect("it has a key").to_owned();
    assert_eq!(service.get("/api/customer/profile")["customer"]["email"], "acme@example.org");

    home.json(&["customer", "suspend", "--email", "acme@example.org", "--json"]);
    let answer = service.call("POST", "/api/send", crate::harness::email("ada@example.com").as_bytes());
    assert_eq!((answer.status, &answer.json()["code"]), (403, &"account_suspended".into()));
    home.json(&["customer", "rotate-key", "--email", "acme@example.org", "--json"]);
    assert_eq!(service.call("GET", "/api/customer/profile", b"").status, 401, "the old key is dead at once");
}

#[test]
fn the_same_commands_work_without_a_service() {
    let home = Home::prepared();
    let made = home.json(&["customer", "create", "--name", "Acme", "--email", "acme@example.org", "--json"]);
    let listed = home.json(&["customer", "list", "--json"]);
    assert_eq!(listed["customers"].as_array().expect("a list").len(), 2);

    let mut service = home.serve(&[]);
    service.key = made["api_key"].as_str().expect("it has a key").to_owned();
    service.still_serves();
}

#[test]
fn commands_at_once_without_a_service_take_turns() {
    let home = Home::prepared();
    std::thread::scope(|scope| {
        let commands: Vec<_> = (0..4)
            .map(|number| {
                let (home, email) = (&home, format!("customer{number}@example.org"));
                scope.spawn(move || home.json(&["customer", "create", "--name", "Acme", "--email", &email, "--json"]))
            })
            .collect();
        for command in commands {
            assert!(command.join().expect("it succeeds")["api_key"].is_string());
        }
    });
    let listed = home.json(&["customer", "list", "--json"]);
    assert_eq!(listed["customers"].as_array().expect("a list").len(), 5);
}

#[test]
fn a_service_that_was_killed_leaves_nothing_in_the_way() {
    let home = Home::prepared();
    home.serve(&[]).kill();
    home.json(&["customer", "list", "--json"]);
    home.serve(&[]).still_serves();
}
