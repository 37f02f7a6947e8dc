//! What messages take that are made to take long: CPU time and memory by their size, within the limits of a service.

use pillarbox::plugins::limits::Limits;
use pillarbox::plugins::scorer::Message;
use pillarbox_scorer_train::hostile;

use crate::component::{Component, of_contract};

const MB: usize = 1_000_000;
const SIZES: [usize; 4] = [MB * 5 / 4, MB * 5 / 2, 5 * MB, 10 * MB];
const LINKS: [usize; 4] = [12_500, 25_000, 50_000, 100_000];
const DEPTHS: [usize; 4] = [6_250, 12_500, 25_000, 50_000];
/// The fastest of so many counts.
const RUNS: usize = 3;
/// Calls whose median counts.
const CALLS: usize = 2_000;
const OWN_RULES: usize = 50;
const WALL_MS_MAX: u64 = 60_000;

/// Prints a line for each kind of message.
pub async fn print() {
    // CPU time is what is measured, and a busy machine must not end a call.
    let component = Component::start(Limits { wall_ms_max: WALL_MS_MAX, ..Limits::default() }).await;
    println!("| message | | | | | the last doubling | memory |\n| --- | --- | --- | --- | --- | --- | --- |");
    let head = |name: &str, sizes: [String; 4]| println!("| **{name}** | {} | | |", sizes.join(" | "));
    head("bytes of the body", SIZES.map(|bytes| format!("{} MB", bytes as f64 / MB as f64)));
    for (name, make) in hostile::KINDS {
        line(&component, name, SIZES, make);
    }
    head("how many", LINKS.map(|count| count.to_string()));
    line(&component, "links, each to another host", LINKS, hostile::links);
    head("how deep", DEPTHS.map(|depth| depth.to_string()));
    line(&component, "elements inside each other", DEPTHS, hostile::nested);
    let letter = Message { text: Some("Notes on the engine, as every month.".into()), ..Message::default() };
    let [without, with] = [Vec::new(), vec![("rules".to_owned(), own_rules())]].map(|settings| {
        let mut micros: Vec<u64> =
            (0..CALLS).map(|_| component.score(letter.clone(), settings.clone()).cpu_us).collect();
        micros.sort_unstable();
        micros[CALLS / 2]
    });
    println!("\nA letter of one sentence takes {without} µs, and {with} µs with a file of {OWN_RULES} own rules.");
}

/// A file of own rules like those that people write.
fn own_rules() -> String {
    let rule = |number: usize| {
        format!(
            "[[rule]]\nid = \"ACME_RULE_{number}\"\nwhere = [\"subject\", \"text\"]\nwords = [\"project number {number}\", \"internal only\"]\n\
             points = 1.5\nmessage = \"Internal words leave the house.\"\nsuggestion = \"Take them out before it is sent.\"\n\n"
        )
    };
    (0..OWN_RULES).map(rule).collect()
}

fn line(
    component: &Component,
    name: &str,
    sizes: [usize; 4],
    make: impl Fn(usize) -> pillarbox_scorer::message::Message,
) {
    let taken = sizes.map(|size| fastest(component, &of_contract(&make(size))));
    let cells = taken.clone().map(|taken| match taken {
        Ok((cpu_us, _)) => format!("{:.1} ms", cpu_us as f64 / 1e3),
        Err(fault) => fault,
    });
    let (growth, memory) = match &taken {
        [.., Ok((before, _)), Ok((last, bytes))] => {
            (format!("{:.2}", *last as f64 / *before as f64), format!("{:.1} MiB", *bytes as f64 / 1_048_576.0))
        }
        _ => Default::default(),
    };
    println!("| {name} | {} | {growth} | {memory} |", cells.join(" | "));
}

/// Microseconds of CPU time and bytes of memory, or why it was not judged.
fn fastest(component: &Component, message: &Message) -> Result<(u64, usize), String> {
    let mut best = (u64::MAX, 0);
    for _ in 0..RUNS {
        let tried = component.score(message.clone(), Vec::new());
        tried.result.map_err(|fault| fault.to_string())?;
        best = best.min((tried.cpu_us, tried.memory_bytes));
    }
    Ok(best)
}
