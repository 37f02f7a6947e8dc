//! From what a compiler leaves to a component, for authors who build a plugin.

use std::thread;

use wit_component::{StringEncoding, embed_component_metadata};

use super::World;
use super::admission::STACK_BYTES;
use super::contract::resolve;
use super::error::Refusal;
use super::inspect::{componentize, has_metadata};
use super::recognize::{Form, recognize};

/// Makes a component of a compiler's output. A core module that does not say what its functions mean, as a C compiler
/// leaves it, is taken to be for this world. Blocks while it works.
pub fn component_of(bytes: Vec<u8>, world: World) -> Result<Vec<u8>, Refusal> {
    // Parsers call themselves for what is nested in a file.
    let work = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || component(bytes, world));
    let failed = || Refusal::new("host_failed", "the host failed while making a component of it");
    work.map_err(|_| failed())?.join().unwrap_or_else(|_| Err(failed()))
}

fn component(mut bytes: Vec<u8>, world: World) -> Result<Vec<u8>, Refusal> {
    let form = recognize(&bytes)?;
    if form == Form::CoreModule && !has_metadata(&bytes)? {
        let resolve = resolve();
        let found = resolve.worlds.iter().find(|(_, candidate)| candidate.name == world.as_str());
        let (id, _) = found.expect("wit/ defines a world of each name");
        embed_component_metadata(&mut bytes, &resolve, id, StringEncoding::UTF8).map_err(|error| {
            Refusal::new("not_a_component", "what its functions mean cannot be added to it")
                .with(error.chain().map(ToString::to_string))
        })?;
    }
    componentize(form, bytes)
}
