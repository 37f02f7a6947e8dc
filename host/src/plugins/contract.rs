//! The contract as data: what each world must export, read from `wit/` once, and compared with what a component has.
//!
//! The engine would refuse a wrong component as well, but in words that help nobody to mend it. Here the function, the
//! record and the field are named.

use std::collections::HashSet;
use std::sync::LazyLock;

use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentInstanceType, ComponentValType,
};
use wasmparser::names::KebabString;
use wasmparser::types::TypesRef;
use wit_parser::{Resolve, SourceMap, Type, TypeDefKind, TypeId};

use super::World;

/// The files of the contract.
pub const WIT: [(&str, &str); 3] = [
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("scorer.wit", include_str!("../../../wit/scorer.wit")),
    ("normalizer.wit", include_str!("../../../wit/normalizer.wit")),
];
/// The package of the contract.
pub(super) const PACKAGE: &str = "pillarbox:plugin";
/// The version of the contract that this host speaks. Later minor versions add functions and are understood.
pub(super) const MAJOR: u64 = 1;
/// The versions that this host serves, for whoever built against another.
pub(super) const SUPPORTED: &str = "pillarbox:plugin@1.0.0 and what a later 1.x has of it";

/// What the interface of one world consists of.
#[derive(Debug)]
pub(super) struct Interface {
    functions: Vec<Function>,
}

#[derive(Debug)]
struct Function {
    name: String,
    params: Vec<(String, Shape)>,
    result: Option<Shape>,
}

/// A type of the contract, spelled out.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Primitive(&'static str),
    List(Box<Shape>),
    Option(Box<Shape>),
    Result(Option<Box<Shape>>, Option<Box<Shape>>),
    Tuple(Vec<Shape>),
    Record(String, Vec<(String, Shape)>),
    Enum(String, Vec<String>),
}

impl World {
    /// The name of the interface that a plugin of this world exports, without package and version.
    pub(super) fn interface_name(self) -> &'static str {
        match self {
            World::Scorer => "content-scoring",
            World::Normalizer => "webhook-normalizing",
        }
    }

    /// The full name of that interface, as it is asked for.
    pub(super) fn interface_wanted(self) -> String {
        format!("{PACKAGE}/{}@{MAJOR}.0.0", self.interface_name())
    }

    pub(super) fn interface(self) -> &'static Interface {
        static SCORER: LazyLock<Interface> = LazyLock::new(|| Interface::read(World::Scorer));
        static NORMALIZER: LazyLock<Interface> = LazyLock::new(|| Interface::read(World::Normalizer));
        match self {
            World::Scorer => &SCORER,
            World::Normalizer => &NORMALIZER,
        }
    }
}

impl Interface {
    fn read(world: World) -> Interface {
        let resolve = resolve();
        let (_, interface) = resolve
            .interfaces
            .iter()
            .find(|(_, interface)| interface.name.as_deref() == Some(world.interface_name()))
            .expect("wit/ defines an interface for each world");
        let functions = interface.functions.values().map(|function| Function {
            name: function.name.clone(),
            params: function.params.iter().map(|param| (param.name.clone(), shape(&resolve, &param.ty))).collect(),
            result: function.result.as_ref().map(|ty| shape(&resolve, ty)),
        });
        Interface { functions: functions.collect() }
    }

    pub(super) fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|function| function.name.as_str())
    }

    /// Everything in which an exported instance differs from the contract; empty when it fits.
    pub(super) fn differences(&self, types: TypesRef<'_>, instance: &ComponentInstanceType) -> Vec<String> {
        let mut differences = Differences { types, found: Vec::new() };
        for function in &self.functions {
            match instance.exports.get(&function.name).map(|item| item.ty) {
                Some(ComponentEntityType::Func(id)) => differences.in_function(function, &types[id]),
                Some(_) => differences.found.push(format!("`{}` is exported, but not as a function", function.name)),
                None => differences.found.push(format!("the function `{}` is missing", function.name)),
            }
        }
        // A record that occurs in several places is told of once.
        let mut told = HashSet::new();
        differences.found.retain(|difference| told.insert(difference.clone()));
        differences.found
    }
}

/// The contract as parsed.
pub(super) fn resolve() -> Resolve {
    let mut sources = SourceMap::default();
    for (name, text) in WIT {
        sources.push_str(name, text);
    }
    let group = sources.parse().map_err(|(_, error)| error).expect("wit/ is parsed by the tests");
    let mut resolve = Resolve::default();
    resolve.push_group(group).expect("wit/ refers to nothing outside");
    resolve
}

fn shape(resolve: &Resolve, ty: &Type) -> Shape {
    match ty {
        Type::Id(id) => defined(resolve, *id),
        Type::Bool => Shape::Primitive("bool"),
        Type::U8 => Shape::Primitive("u8"),
        Type::U16 => Shape::Primitive("u16"),
        Type::U32 => Shape::Primitive("u32"),
        Type::U64 => Shape::Primitive("u64"),
        Type::S8 => Shape::Primitive("s8"),
        Type::S16 => Shape::Primitive("s16"),
        Type::S32 => Shape::Primitive("s32"),
        Type::S64 => Shape::Primitive("s64"),
        Type::F32 => Shape::Primitive("f32"),
        Type::F64 => Shape::Primitive("f64"),
        Type::Char => Shape::Primitive("char"),
        Type::String => Shape::Primitive("string"),
        Type::ErrorContext => unreachable!("the contract has no error contexts"),
    }
}

fn defined(resolve: &Resolve, id: TypeId) -> Shape {
    let definition = &resolve.types[id];
    let name = || definition.name.clone().unwrap_or_default();
    let of = |ty: &Type| shape(resolve, ty);
    let boxed = |ty: &Type| Box::new(of(ty));
    match &definition.kind {
        TypeDefKind::Type(ty) => of(ty),
        TypeDefKind::List(element) => Shape::List(boxed(element)),
        TypeDefKind::Option(some) => Shape::Option(boxed(some)),
        TypeDefKind::Result(result) => Shape::Result(result.ok.as_ref().map(boxed), result.err.as_ref().map(boxed)),
        TypeDefKind::Tuple(tuple) => Shape::Tuple(tuple.types.iter().map(of).collect()),
        TypeDefKind::Record(record) => {
            Shape::Record(name(), record.fields.iter().map(|field| (field.name.clone(), of(&field.ty))).collect())
        }
        TypeDefKind::Enum(cases) => Shape::Enum(name(), cases.cases.iter().map(|case| case.name.clone()).collect()),
        other => unreachable!("the contract has no {}", other.as_str()),
    }
}

/// Walks what was found along what was expected, so a hostile type costs no more than the contract is long.
struct Differences<'a> {
    types: TypesRef<'a>,
    found: Vec<String>,
}

impl Differences<'_> {
    fn in_function(&mut self, expected: &Function, actual: &ComponentFuncType) {
        let name = &expected.name;
        if actual.async_ {
            self.found.push(format!("`{name}` is an async function; the contract's is not"));
        }
        if actual.params.len() != expected.params.len() {
            self.found.push(format!(
                "`{name}` takes {}; the contract says {}",
                counted(actual.params.len(), "parameter"),
                expected.params.len()
            ));
        }
        for ((wanted, shape), (_, ty)) in expected.params.iter().zip(&actual.params) {
            self.compare(&format!("`{name}`, parameter `{wanted}`"), shape, ty);
        }
        let place = format!("`{name}`, result");
        self.compare_optional(&place, expected.result.as_ref(), actual.result.as_ref());
    }

    fn compare_optional(&mut self, place: &str, expected: Option<&Shape>, actual: Option<&ComponentValType>) {
        match (expected, actual) {
            (Some(shape), Some(ty)) => self.compare(place, shape, ty),
            (Some(shape), None) => self.found.push(format!("{place}: nothing, expected {}", shape.kind())),
            (None, Some(_)) => self.found.push(format!("{place}: something, expected nothing")),
            (None, None) => {}
        }
    }

    fn compare(&mut self, place: &str, expected: &Shape, actual: &ComponentValType) {
        let types = self.types;
        let defined = match actual {
            ComponentValType::Primitive(primitive) => &ComponentDefinedType::Primitive(*primitive),
            ComponentValType::Type(id) => &types[*id],
        };
        match (expected, defined) {
            (Shape::Primitive(wanted), ComponentDefinedType::Primitive(given)) if given.to_string() == *wanted => {}
            (Shape::List(wanted), ComponentDefinedType::List { element, .. }) => {
                self.compare(&format!("{place}, element"), wanted, element);
            }
            (Shape::Option(wanted), ComponentDefinedType::Option { ty, .. }) => self.compare(place, wanted, ty),
            (Shape::Result(ok, err), ComponentDefinedType::Result { ok: given_ok, err: given_err, .. }) => {
                self.compare_optional(place, ok.as_deref(), given_ok.as_ref());
                self.compare_optional(&format!("{place}, error"), err.as_deref(), given_err.as_ref());
            }
            (Shape::Tuple(wanted), ComponentDefinedType::Tuple(given)) if wanted.len() == given.types.len() => {
                for (index, (wanted, given)) in wanted.iter().zip(&given.types).enumerate() {
                    self.compare(&format!("{place}, item {index} of the pair"), wanted, given);
                }
            }
            (Shape::Record(name, wanted), ComponentDefinedType::Record(given)) => {
                let given: Vec<_> = given.fields.iter().map(|(name, ty)| (name.as_str(), ty)).collect();
                self.compare_record(name, wanted, &given);
            }
            (Shape::Enum(name, wanted), ComponentDefinedType::Enum(given)) => {
                let given: Vec<_> = given.iter().map(KebabString::as_str).collect();
                self.compare_names(&format!("enum `{name}`"), "case", wanted, &given);
            }
            _ => self.found.push(format!("{place}: {}, expected {}", kind(defined), expected.kind())),
        }
    }

    fn compare_record(&mut self, name: &str, wanted: &[(String, Shape)], given: &[(&str, &ComponentValType)]) {
        let wanted_names: Vec<_> = wanted.iter().map(|(field, _)| field.clone()).collect();
        let given_names: Vec<_> = given.iter().map(|(field, _)| *field).collect();
        self.compare_names(&format!("record `{name}`"), "field", &wanted_names, &given_names);
        for (field, shape) in wanted {
            if let Some((_, ty)) = given.iter().find(|(given, _)| given == field) {
                self.compare(&format!("record `{name}`, field `{field}`"), shape, ty);
            }
        }
    }

    /// Fields and cases are told apart by their order as well, so the same names in another order do not fit.
    fn compare_names(&mut self, whole: &str, part: &str, wanted: &[String], given: &[&str]) {
        let before = self.found.len();
        for name in wanted.iter().filter(|name| !given.contains(&name.as_str())) {
            self.found.push(format!("{whole} lacks the {part} `{name}`"));
        }
        for name in given.iter().filter(|name| !wanted.iter().any(|wanted| wanted == *name)) {
            self.found.push(format!("{whole} has a {part} `{name}` that the contract does not have"));
        }
        if before == self.found.len() && wanted.iter().zip(given).any(|(wanted, given)| wanted != given) {
            let order = wanted.join(", ");
            self.found.push(format!("{whole} has its {part}s in another order; the contract's is {order}"));
        }
    }
}

impl Shape {
    fn kind(&self) -> String {
        match self {
            Shape::Primitive(name) => (*name).to_owned(),
            Shape::List(_) => "a list".into(),
            Shape::Option(_) => "an option".into(),
            Shape::Result(..) => "a result".into(),
            Shape::Tuple(items) => format!("a tuple of {}", items.len()),
            Shape::Record(name, _) => format!("the record `{name}`"),
            Shape::Enum(name, _) => format!("the enum `{name}`"),
        }
    }
}

fn kind(found: &ComponentDefinedType) -> String {
    match found {
        ComponentDefinedType::Primitive(name) => name.to_string(),
        ComponentDefinedType::Record(_) => "a record".into(),
        ComponentDefinedType::Variant(_) => "a variant".into(),
        ComponentDefinedType::List { .. } => "a list".into(),
        ComponentDefinedType::Tuple(tuple) => format!("a tuple of {}", tuple.types.len()),
        ComponentDefinedType::Flags(_) => "flags".into(),
        ComponentDefinedType::Enum(_) => "an enum".into(),
        ComponentDefinedType::Option { .. } => "an option".into(),
        ComponentDefinedType::Result { .. } => "a result".into(),
        ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => "a resource".into(),
        _ => "another type".into(),
    }
}

/// `1 parameter`, `3 parameters`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
