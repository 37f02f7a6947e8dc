//! What a plugin file asks for and offers, found without running or compiling it.

pub(super) mod effort;

use std::collections::HashSet;
use std::ops::ControlFlow;

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentInstanceType};
use wasmparser::types::{Types, TypesRef};
use wasmparser::{Parser, Payload, TypeRef, ValidPayload, Validator};
use wit_component::ComponentEncoder;

use super::World;
use super::contract::{MAJOR, PACKAGE, SUPPORTED};
use super::engine::{FEATURES, MEMORIES_PER_SLOT};
use super::error::Refusal;
use super::limits::Limits;
use super::recognize::Form;

/// Bytes of a page of linear memory.
const PAGE_BYTES: u64 = 65_536;
/// The section that wit-bindgen leaves in a module, which says what its functions mean.
const METADATA_SECTION: &str = "component-type";

/// What the inspection of a component found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) world: World,
    /// The version of the contract that it was built for.
    pub(super) wit_version: String,
    pub(super) warnings: Vec<String>,
}

/// Makes a component of a core module. A component stays as it is.
pub(super) fn componentize(form: Form, bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    if form == Form::Component {
        return Ok(bytes);
    }
    validate(&bytes, Functions::Whole)?;
    let outline = Outline::of(&bytes)?;
    if !outline.core_imports.is_empty() {
        return Err(has_imports(outline.core_imports));
    }
    if !outline.has_metadata {
        return Err(Refusal::new(
            "no_metadata",
            "it is a core module without the `component-type` section that says what its functions mean; \
             build it with wit-bindgen from our wit/ folder and do not strip custom sections, or build it with \
             `pillarbox plugin build`, which adds the section",
        ));
    }
    let encoded = ComponentEncoder::default().module(&bytes).and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| {
        let missing = outline.missing_functions();
        let hint = if missing.is_empty() { "" } else { ", because functions of the contract are missing" };
        let message = format!("it cannot be made a component{hint}");
        Refusal::new("not_a_component", message).with(missing.into_iter().chain(error.chain().map(ToString::to_string)))
    })
}

/// Whether a core module says what its functions mean.
pub(super) fn has_metadata(module: &[u8]) -> Result<bool, Refusal> {
    validate(module, Functions::Whole)?;
    Ok(Outline::of(module)?.has_metadata)
}

/// How much of a file's functions is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Functions {
    /// Each with its body, which is most of the work.
    Whole,
    /// Their types alone. Enough for bytes that were compiled before, which these bytes' digest tells.
    Types,
}

/// Looks at a component: it is valid, asks for nothing, and exports one of our worlds as the contract has it.
pub(super) fn inspect(bytes: &[u8], functions: Functions, limits: &Limits) -> Result<Findings, Refusal> {
    effort::nesting_fits(bytes, limits)?;
    let types = validate(bytes, functions)?;
    let types = types.as_ref();
    let outline = Outline::of(bytes)?;
    let asked: Vec<_> = outline.imports.iter().filter_map(|name| asks_for(types, name)).flatten().collect();
    if !asked.is_empty() {
        return Err(has_imports(asked));
    }
    let (world, built_for) = world(&outline.exports)?;
    let instance = world.exported(types, &outline.exports)?;
    let differences = world.interface().differences(types, instance);
    if !differences.is_empty() {
        let message = format!("its `{}` differs from the contract in wit/", world.interface_name());
        return Err(Refusal::new("wrong_contract", message).with(differences));
    }
    outline.fits(limits)?;
    let newer = || format!("it was built for {built_for} of the contract; this host speaks {MAJOR}.0");
    let warnings = (built_for.minor > 0).then(newer).into_iter().collect();
    Ok(Findings { world, wit_version: built_for.to_string(), warnings })
}

fn validate(bytes: &[u8], functions: Functions) -> Result<Types, Refusal> {
    types_of(bytes, functions).map_err(|error| {
        let message = format!("it is not valid WebAssembly at byte {}: {}", error.offset(), error.message());
        Refusal::new("invalid", message)
    })
}

fn types_of(bytes: &[u8], functions: Functions) -> wasmparser::Result<Types> {
    let mut validator = Validator::new_with_features(FEATURES);
    if functions == Functions::Whole {
        return validator.validate_all(bytes);
    }
    let mut types = None;
    for payload in Parser::new(0).parse_all(bytes) {
        if let ValidPayload::End(ended) = validator.payload(&payload?)? {
            types = Some(ended);
        }
    }
    Ok(types.expect("what parsed to its end has an end"))
}

/// The list of what a plugin asked for, with a hint for the commonest mistakes.
fn has_imports(asked: Vec<String>) -> Refusal {
    let hint = if asked.iter().any(|name| name.contains("wasi")) {
        "; Rust, C and Go build it for wasm32-unknown-unknown, which has no WASI, JavaScript with all features of \
         componentize-js disabled, Python with --stub-wasi"
    } else if asked.iter().any(|name| name.starts_with("env.")) {
        "; what comes from `env` is what the linker did not find, so link it in"
    } else {
        ""
    };
    let message = format!("a plugin imports nothing, and this one asks for something{hint}");
    Refusal::new("has_imports", message).with(asked)
}

/// What one import asks for. Types alone are no more than words of the interface and ask for nothing.
fn asks_for(types: TypesRef<'_>, name: &str) -> Option<Vec<String>> {
    let asked = match types.component_item_for_import(name)?.ty {
        ComponentEntityType::Instance(id) => {
            let things = types[id].exports.iter().filter(|(_, item)| !is_plain_type(item.ty));
            things.map(|(thing, _)| format!("{name}: {thing}")).collect()
        }
        ty if is_plain_type(ty) => Vec::new(),
        _ => vec![name.to_owned()],
    };
    Some(asked)
}

fn is_plain_type(ty: ComponentEntityType) -> bool {
    matches!(ty, ComponentEntityType::Type { created, .. } if !matches!(created, ComponentAnyTypeId::Resource(_)))
}

/// Which of our worlds a component is for, and which version of the contract, going by the names of its exports.
fn world(exports: &[String]) -> Result<(World, semver::Version), Refusal> {
    let mut found = Vec::new();
    let mut other_versions = Vec::new();
    for world in World::ALL {
        let prefix = format!("{PACKAGE}/{}@", world.interface_name());
        for version in exports.iter().filter_map(|name| name.strip_prefix(&prefix)) {
            match semver::Version::parse(version) {
                Ok(version) if version.major == MAJOR && version.pre.is_empty() => found.push((world, version)),
                _ => other_versions.push(format!("{prefix}{version}")),
            }
        }
    }
    let wanted = World::ALL.map(World::interface_wanted).join(" or ");
    match found.as_slice() {
        [(world, version)] => Ok((*world, version.clone())),
        [] if other_versions.is_empty() => {
            let is_program = exports.iter().any(|name| name.starts_with("wasi:cli/run"));
            let hint = if is_program { ", and this is a program with a main function; build a library" } else { "" };
            let message = format!("it exports none of our interfaces; a plugin exports {wanted}{hint}");
            Err(Refusal::new("no_world", message).with(exports.iter().map(|name| format!("exports {name}"))))
        }
        [] => {
            let message = format!("it is for another version of the contract; this host serves {SUPPORTED}");
            Err(Refusal::new("wrong_version", message).with(other_versions))
        }
        several => {
            let message = "it exports several of our interfaces; a plugin is for one world";
            let names = several.iter().map(|(world, version)| format!("{}@{version}", world.interface_name()));
            Err(Refusal::new("two_worlds", message).with(names))
        }
    }
}

impl World {
    /// The exported instance of this world's interface.
    fn exported<'a>(self, types: TypesRef<'a>, exports: &[String]) -> Result<&'a ComponentInstanceType, Refusal> {
        let prefix = format!("{PACKAGE}/{}@{MAJOR}.", self.interface_name());
        let item = exports.iter().find(|name| name.starts_with(&prefix));
        let instance = match item.and_then(|name| types.component_item_for_export(name)).map(|item| item.ty) {
            Some(ComponentEntityType::Instance(id)) => types.get(id),
            _ => None,
        };
        instance.ok_or_else(|| {
            let message = format!("its `{}` is not an interface", self.interface_name());
            Refusal::new("wrong_contract", message)
        })
    }
}

/// The outermost level of a file, and the memories of all levels.
#[derive(Default)]
struct Outline {
    core_imports: Vec<String>,
    core_exports: HashSet<String>,
    imports: Vec<String>,
    exports: Vec<String>,
    has_metadata: bool,
    memories: Vec<u64>,
}

impl Outline {
    fn of(bytes: &[u8]) -> Result<Outline, Refusal> {
        let mut outline = Outline::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            let noted = payload.and_then(|payload| outline.note(payload, &mut depth));
            if let ControlFlow::Break(()) = noted.map_err(|error| Refusal::new("invalid", error.to_string()))? {
                break;
            }
        }
        Ok(outline)
    }

    fn note(&mut self, payload: Payload<'_>, depth: &mut usize) -> wasmparser::Result<ControlFlow<()>> {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => *depth += 1,
            Payload::End(_) if *depth == 0 => return Ok(ControlFlow::Break(())),
            Payload::End(_) => *depth -= 1,
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memories.push(memory?.initial);
                }
            }
            Payload::ImportSection(imports) if *depth == 0 => {
                for import in imports.into_imports() {
                    let import = import?;
                    self.core_imports.push(format!("{}.{} ({})", import.module, import.name, noun(import.ty)));
                }
            }
            Payload::ExportSection(exports) if *depth == 0 => {
                for export in exports {
                    self.core_exports.insert(export?.name.to_owned());
                }
            }
            Payload::CustomSection(section) if *depth == 0 => {
                self.has_metadata |= section.name().starts_with(METADATA_SECTION);
            }
            Payload::ComponentImportSection(imports) if *depth == 0 => {
                for import in imports {
                    self.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if *depth == 0 => {
                for export in exports {
                    self.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// What a core module lacks of the world that it is nearest to, a sentence each.
    fn missing_functions(&self) -> Vec<String> {
        let missing = World::ALL.map(|world| {
            let names = world.interface().function_names();
            let exported = |name: &&str| !self.core_exports.contains(&format!("{}#{name}", world.interface_wanted()));
            (world, names.filter(exported).collect::<Vec<_>>())
        });
        let nearest = missing.into_iter().min_by_key(|(_, missing)| missing.len());
        let told = |world: World| {
            move |name| {
                format!("the function `{name}` is missing: nothing is exported as {}#{name}", world.interface_wanted())
            }
        };
        nearest.into_iter().flat_map(|(world, missing)| missing.into_iter().map(told(world))).collect()
    }

    /// What it needs before it has done anything.
    fn fits(&self, limits: &Limits) -> Result<(), Refusal> {
        let memories_max = MEMORIES_PER_SLOT as usize;
        if self.memories.len() > memories_max {
            let message = format!("it has {} memories of at most {memories_max}", self.memories.len());
            return Err(Refusal::new("needs_too_much", message));
        }
        let bytes = self.memories.iter().fold(0_u64, |sum, pages| sum.saturating_add(pages.saturating_mul(PAGE_BYTES)));
        if bytes > limits.memory_bytes_max as u64 {
            let message =
                format!("it begins with {bytes} bytes of memory; a call may have {}", limits.memory_bytes_max);
            return Err(Refusal::new("needs_too_much", message));
        }
        Ok(())
    }
}

fn noun(ty: TypeRef) -> &'static str {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => "function",
        TypeRef::Table(_) => "table",
        TypeRef::Memory(_) => "memory",
        TypeRef::Global(_) => "global",
        TypeRef::Tag(_) => "tag",
    }
}
