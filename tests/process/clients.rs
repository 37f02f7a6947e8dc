//! `pillarbox clients` and `pillarbox reclassify`: beside the service, and without it.

use crate::harness::Home;

#[test]
fn other_rules_are_checked_loaded_and_judge_what_is_stored() {
    let home = Home::prepared();
    let shown = home.run(&["clients", "rules", "show"]);
    let built_in = shown.printed().to_owned();
    let wrong = home.file("wrong.toml", built_in.replacen("confidence = 70", "confidence = 170", 1));
    let wrong = wrong.to_str().expect("it is text");
    home.run(&["clients", "rules", "check", wrong]).refuses(&["wrong.toml: line ", "`apple-mail-privacy`"]);
    home.run(&["clients", "rules", "load", wrong]).refuses(&["line ", "`apple-mail-privacy`: confidence is from 0"]);
    let other = home.file(
        "other.toml",
        built_in.replacen("confidence = 85\nreason = \"no user", "confidence = 5\nreason = \"no user", 1),
    );
    let other = other.to_str().expect("it is text");
    let checked = home.run(&["clients", "rules", "check", other]);
    assert!(checked.printed().contains(" rules of 2026-"), "{}", checked.out);

    let service = home.serve(&[]);
    let id = service.send("ada@example.com");
    service.delivered(&id);
    let html = home.run(&["mailbox", "show", &id, "--html"]);
    let pixel = html.printed().split('"').find(|part| part.contains("/track/o/")).expect("it has a pixel").to_owned();
    let path = &pixel[pixel.find("/track/o/").expect("it is there")..];
    // A time after the delivery that no rule minds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(service.call("GET", path, b"").status, 200);

    let none = home.json(&["reclassify", "--json"]);
    assert_eq!((&none["judged"], &none["changed"], &none["revised"]), (&1.into(), &0.into(), &0.into()), "{none}");
    let loaded = home.run(&["clients", "rules", "load", other]);
    assert!(loaded.printed().contains("client_rules.toml"), "{}", loaded.out);
    let dry = home.run(&["reclassify", "--dry-run", "--since", "1h"]);
    assert!(dry.printed().contains("scanner  human  1"), "{}", dry.out);
    assert!(
        dry.out
            .ends_with("Of 1 opens and clicks 1 would come to another class; 0 would keep theirs with other reasons\n")
    );
    assert_eq!(home.json(&["reclassify", "--json"])["changed"], 1);
    assert_eq!(home.json(&["reclassify", "--customer", "first@pillarbox.test", "--json"])["changed"], 0);
    drop(service);

    let listed = home.json(&["clients", "rules", "list", "--json"]);
    assert!(listed["origin"].as_str().is_some_and(|origin| origin.ends_with("client_rules.toml")), "it stays");
    assert_eq!(home.json(&["clients", "rules", "reset", "--json"])["origin"], "built in");
    assert_eq!(home.json(&["reclassify", "--json"])["changed"], 1);
}
