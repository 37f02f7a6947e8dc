//! Admission: what is wrong with a file is said in words, by name where there is one.

use crate::plugins::authoring::component_of;
use crate::plugins::contract;
use crate::plugins::error::Refusal;
use crate::plugins::limits::Limits;
use crate::plugins::{PluginId, World};

use super::{
    admit, fixture, guest, guest_of_version, guest_text, limits, refusal, start, start_with, still_serves,
    with_metadata,
};

/// Files that are no plugins, each with the code, a part of the message, and a part of the details.
#[tokio::test]
async fn whatever_is_wrong_with_a_file_is_said_and_the_next_one_is_admitted() {
    let plugins = start();
    let binary = |name: &str| wat::parse_str(fixture(&format!("{name}.wat"))).unwrap();
    let whole = guest("healthy");
    let mut flipped = whole.clone();
    flipped[12] ^= 0xff;
    let files = [
        (vec![0; 1_000_000], "not_wasm", "1000000 zeros", ""),
        (b"a plugin, honestly".to_vec(), "not_wasm", "a text", ""),
        (guest_text("healthy", "1.0.0").into_bytes(), "text_format", "wat2wasm", ""),
        (whole[..whole.len() - 1].to_vec(), "truncated", "at least 1 more", ""),
        (whole[..whole.len() / 2].to_vec(), "truncated", "cut off", ""),
        (whole[..7].to_vec(), "truncated", "cut off", ""),
        (flipped, "invalid", "not valid WebAssembly", ""),
        (wat::parse_str(guest_text("healthy", "1.0.0")).unwrap(), "no_metadata", "wit-bindgen", ""),
        (binary("importing"), "has_imports", "the linker did not find", "env.foo (function)"),
        (binary("importing_wasi"), "has_imports", "no WASI", "wasi:clocks/monotonic-clock@0.2.0: now"),
        (guest("wrong_signature"), "not_a_component", "cannot be made", "content-scoring@1.0.0#score"),
        (guest("endless_description"), "describe_failed", "it used up its 60 ms of CPU time", ""),
        (guest("endless_start"), "describe_failed", "it used up its 60 ms of CPU time", ""),
        (guest_of_version("healthy", "1.0"), "bad_description", "the version \"1.0\\0\\0\"", ""),
        (wat::parse_str("(component)").unwrap(), "no_world", "exports none", ""),
        (wat::parse_str("(module (memory 1 2 shared))").unwrap(), "invalid", "threads must be enabled", ""),
    ];
    for (index, (bytes, code, message, detail)) in files.into_iter().enumerate() {
        let refusal = refusal(&plugins, bytes).await;
        assert_eq!(refusal.code, code, "file {index}: {refusal:?}");
        assert!(refusal.message.contains(message), "file {index}: {refusal:?}");
        let is_detailed = detail.is_empty() || refusal.details.iter().any(|line| line.contains(detail));
        assert!(is_detailed, "file {index}: {refusal:?}");
        let healthy = admit(&plugins, "healthy").await;
        still_serves(&plugins, &healthy).await;
    }
}

#[tokio::test]
async fn a_file_of_the_limit_is_looked_at_and_one_byte_more_is_not() {
    let bytes_max = 32 * 1024 * 1024;
    let plugins = start();
    assert_eq!(refusal(&plugins, vec![0; bytes_max]).await.code, "not_wasm");
    let beyond = refusal(&plugins, vec![0; bytes_max + 1]).await;
    assert_eq!(beyond, Refusal::new("too_large", "the file has 33554433 bytes of at most 33554432"));
    let hundred_megabytes = refusal(&plugins, vec![0; 100_000_000]).await;
    assert_eq!(hundred_megabytes, Refusal::new("too_large", "the file has 100000000 bytes of at most 33554432"));
}

#[tokio::test]
async fn a_core_module_becomes_a_plugin_with_all_that_it_says_of_itself() {
    let plugins = start();
    let bytes = guest("healthy");
    let loaded = plugins.admit(bytes.clone()).await.unwrap();
    assert_eq!(loaded.id, PluginId { name: "guest".into(), version: "1.0.0".into() });
    assert_eq!((loaded.world, loaded.size), (World::Scorer, bytes.len()));
    assert_eq!((loaded.digest.len(), &loaded.digest[..7]), (71, "sha256:"));
    assert_eq!((loaded.summary.as_str(), loaded.rules.len()), ("Misbehaves on demand", 1));
    assert_eq!((loaded.rules[0].id.as_str(), loaded.rules[0].points), ("BAD", 1.0));
    assert_eq!(loaded.warnings, Vec::<String>::new());

    // What was made of it is a plugin as well, with a digest of its own.
    let again = plugins.admit(loaded.component.to_vec()).await.unwrap();
    assert_eq!((&again.id, &again.component), (&loaded.id, &loaded.component));
    assert_ne!(again.digest, loaded.digest);
}

/// A guest whose author built against a contract that differs in this way.
async fn built_against(
    changes: &[(&str, &str)],
    module_text: impl Fn(String) -> String,
) -> Result<Vec<String>, Refusal> {
    let plugins = start();
    let mut resolve = wit_parser::Resolve::default();
    let mut sources = wit_parser::SourceMap::default();
    for (name, wit) in contract::WIT {
        let text = changes.iter().fold(wit.to_owned(), |wit, (from, to)| wit.replace(from, to));
        sources.push_str(name, text);
    }
    let group = sources.parse().map_err(|(_, error)| error.to_string()).unwrap();
    resolve.push_group(group).unwrap();
    let module = with_metadata(&module_text(guest_text("healthy", "1.0.0")), &resolve);
    plugins.admit(module).await.map(|loaded| loaded.warnings.clone())
}

#[track_caller]
fn differs(result: Result<Vec<String>, Refusal>, details: &[&str]) {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.code, "wrong_contract", "{refusal:?}");
    assert_eq!(refusal.message, "its `content-scoring` differs from the contract in wit/");
    assert_eq!(refusal.details, details);
}

#[tokio::test]
async fn a_record_that_differs_is_named_with_its_field() {
    let same = |text| text;
    let more = [("        offset: u32,", "        offset: u32, line: u32,")];
    let line = "record `location` has a field `line` that the contract does not have";
    differs(built_against(&more, same).await, &[line]);

    let other_type = [("offset: u32,", "offset: u64,")];
    differs(built_against(&other_type, same).await, &["record `location`, field `offset`: u64, expected u32"]);

    let fewer = [("        suggestion: string,\n        location:", "        location:")];
    let lacks = "record `finding` lacks the field `suggestion`";
    differs(built_against(&fewer, same).await, &[lacks]);

    let reordered = [("        length: u32,", ""), ("        offset: u32,", "        length: u32, offset: u32,")];
    let order = "record `location` has its fields in another order; the contract's is part, offset, length, index";
    differs(built_against(&reordered, same).await, &[order]);
}

#[tokio::test]
async fn a_minor_version_later_is_understood_and_a_major_one_is_not() {
    let of = |version: &'static str| {
        let changes = [("pillarbox:plugin@1.0.0", version)];
        async move {
            let version = version.trim_start_matches("pillarbox:plugin");
            built_against(&changes, |text| text.replace("content-scoring@1.0.0", &format!("content-scoring{version}")))
                .await
        }
    };
    let newer = "it was built for 1.4.0 of the contract; this host speaks 1.0";
    assert_eq!(of("pillarbox:plugin@1.4.0").await, Ok(vec![newer.to_owned()]));
    let refusal = of("pillarbox:plugin@2.0.0").await.unwrap_err();
    let message = "it is for another version of the contract; this host serves pillarbox:plugin@1.0.0 and what a \
                   later 1.x has of it";
    let details = vec!["pillarbox:plugin/content-scoring@2.0.0".into()];
    assert_eq!((refusal.code, refusal.message.as_str(), refusal.details), ("wrong_version", message, details));
}

#[tokio::test]
async fn a_missing_function_is_named() {
    let changes = [("    rules: func() -> list<rule>;\n", "")];
    let without = |text: String| text.replace("@1.0.0#rules", "@1.0.0-rules-of-old");
    differs(built_against(&changes, without).await, &["the function `rules` is missing"]);
}

#[tokio::test]
async fn a_function_that_the_compiler_did_not_export_is_named_before_what_the_tools_say() {
    let without = |text: String| text.replace("@1.0.0#score", "@1.0.0#scored");
    let refusal = built_against(&[], without).await.unwrap_err();
    let message = "it cannot be made a component, because functions of the contract are missing";
    assert_eq!((refusal.code, refusal.message.as_str()), ("not_a_component", message));
    let missing =
        "the function `score` is missing: nothing is exported as pillarbox:plugin/content-scoring@1.0.0#score";
    assert_eq!(refusal.details[0], missing);
}

#[tokio::test]
async fn the_host_adds_what_a_c_compiler_cannot_know() {
    let plugins = start();
    let bare = wat::parse_str(guest_text("healthy", "1.0.0")).unwrap();
    assert_eq!(refusal(&plugins, bare.clone()).await.code, "no_metadata");
    let component = component_of(bare, World::Scorer).unwrap();
    let loaded = plugins.admit(component.clone()).await.unwrap();
    still_serves(&plugins, &loaded).await;
    // What is a component stays as it is, and what says its world already is not asked again.
    assert_eq!(component_of(component.clone(), World::Normalizer).unwrap(), component);
    assert_eq!(component_of(guest("healthy"), World::Normalizer).unwrap(), component);

    let bare = wat::parse_str(guest_text("healthy", "1.0.0")).unwrap();
    let other_world = component_of(bare, World::Normalizer).unwrap_err();
    assert_eq!(other_world.code, "not_a_component", "{other_world:?}");
    assert_eq!(component_of(b"int main".to_vec(), World::Scorer).unwrap_err().code, "not_wasm");
}

#[tokio::test]
async fn memory_from_the_start_counts_too() {
    let plugins = start();
    let text = guest_text("healthy", "1.0.0");
    let with_pages = |pages: usize| {
        let text = text.replace("(memory (export \"memory\") 1)", &format!("(memory (export \"memory\") {pages})"));
        with_metadata(&text, &contract::resolve())
    };
    assert!(plugins.admit(with_pages(1024)).await.is_ok());
    let refusal = refusal(&plugins, with_pages(1025)).await;
    let message = "it begins with 67174400 bytes of memory; a call may have 67108864";
    assert_eq!(refusal, Refusal::new("needs_too_much", message));
}

#[tokio::test]
async fn more_files_than_may_wait_are_refused_as_busy() {
    let plugins = start_with(Limits { admissions_max: 1, describe_cpu_ms_max: 300, ..limits() });
    let endless = || plugins.admit(guest("endless_description"));
    let (a, b, c, d) = tokio::join!(endless(), endless(), endless(), endless());
    let codes: Vec<_> = [a, b, c, d].into_iter().map(|result| result.unwrap_err().code).collect();
    assert!(codes.contains(&"busy") && codes.contains(&"describe_failed"), "{codes:?}");
}

#[tokio::test]
async fn a_damaged_file_is_never_more_than_a_refusal() {
    let plugins = start_with(Limits { describe_cpu_ms_max: 20, ..limits() });
    let module = guest("finding");
    let component = admit(&plugins, "finding").await.component.to_vec();
    for whole in [module, component] {
        for at in (0..whole.len()).step_by(11) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            if let Err(refusal) = plugins.admit(damaged).await {
                assert_ne!(refusal.code, "host_failed", "byte {at}");
            }
        }
    }
    let healthy = admit(&plugins, "healthy").await;
    still_serves(&plugins, &healthy).await;
}
