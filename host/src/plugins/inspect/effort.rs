//! How much work a component would be for those who read it and compile it. A small file can be hours of it, and the
//! compiler cannot be stopped once it has begun, so this is asked before.

use wasmparser::{FunctionBody, Operator, Parser, Payload};

use crate::plugins::error::Refusal;
use crate::plugins::limits::Limits;

/// Components inside each other, before anything else looks at them.
pub(in crate::plugins) fn nesting_fits(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let (mut depth, mut is_in_module) = (0_usize, false);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::ModuleSection { .. }) => is_in_module = true,
            Ok(Payload::End(_)) if is_in_module => is_in_module = false,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::ComponentSection { .. }) => depth += 1,
            Ok(_) => {}
            // The validator says it better.
            Err(_) => return Ok(()),
        }
        if depth > limits.component_depth_max {
            let message = format!("it has components inside each other, more than {}", limits.component_depth_max);
            return Err(Refusal::new("needs_too_much", message));
        }
    }
    Ok(())
}

/// The functions of a valid component: how many, how large, and how deep their blocks go. Asked when it is to be compiled,
/// not when the compiled code is there already.
pub(in crate::plugins) fn fits(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let (mut functions, mut work) = (0_usize, 0_usize);
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::CodeSectionEntry(body) = payload.map_err(|error| Refusal::new("invalid", error.to_string()))?
        else {
            continue;
        };
        functions += 1;
        within("functions", functions, limits.functions_max)?;
        let size = body.range().len();
        within("bytes of code in one function", size, limits.function_bytes_max)?;
        let depth = depth(&body).map_err(|error| Refusal::new("invalid", error.to_string()))?;
        within("blocks inside each other in one function", depth, limits.block_depth_max)?;
        work = work.saturating_add(size.saturating_mul(depth));
        within("bytes of code, each counted for every block around it", work, limits.nested_code_bytes_max)?;
    }
    Ok(())
}

fn within(what: &str, count: usize, count_max: usize) -> Result<(), Refusal> {
    if count > count_max {
        return Err(Refusal::new("needs_too_much", format!("it has more than {count_max} {what}")));
    }
    Ok(())
}

/// How deep the blocks of a function go. The function itself is one.
fn depth(body: &FunctionBody<'_>) -> wasmparser::Result<usize> {
    let (mut depth, mut deepest) = (1_usize, 1);
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            Operator::End => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    Ok(deepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn told(text: &str, limits: &Limits, expected: Result<(), &str>) {
        let bytes = wat::parse_str(text).unwrap();
        let result = nesting_fits(&bytes, limits).and_then(|()| fits(&bytes, limits));
        assert_eq!(result.map_err(|refusal| refusal.message), expected.map_err(str::to_owned));
    }

    #[test]
    fn so_many_functions_and_no_more() {
        let limits = Limits { functions_max: 3, ..Limits::default() };
        let with = |count: usize| format!("(module {})", "(func)".repeat(count));
        told(&with(3), &limits, Ok(()));
        told(&with(4), &limits, Err("it has more than 3 functions"));
        let in_two_modules = "(component (core module (func) (func)) (core module (func) (func)))";
        told(in_two_modules, &limits, Err("it has more than 3 functions"));
    }

    #[test]
    fn a_function_has_so_many_bytes_and_no_more() {
        let limits = Limits { function_bytes_max: 10, ..Limits::default() };
        // One byte says that there are no variables, and one ends it.
        let with = |count: usize| format!("(module (func {}))", "nop ".repeat(count));
        told(&with(8), &limits, Ok(()));
        told(&with(9), &limits, Err("it has more than 10 bytes of code in one function"));
    }

    #[test]
    fn blocks_go_so_deep_and_no_deeper() {
        let limits = Limits { block_depth_max: 4, ..Limits::default() };
        let with = |count: usize| format!("(module (func {} {}))", "block ".repeat(count), "end ".repeat(count));
        told(&with(3), &limits, Ok(()));
        told(&with(4), &limits, Err("it has more than 4 blocks inside each other in one function"));
        let beside_each_other = format!("(module (func {}))", "block loop end end ".repeat(100));
        told(&beside_each_other, &limits, Ok(()));
    }

    #[test]
    fn the_work_for_the_compiler_is_bounded_for_all_functions_together() {
        // Nine bytes that go two blocks deep.
        let function = "(func block nop nop nop nop end)";
        let limits = Limits { nested_code_bytes_max: 54, ..Limits::default() };
        told(&format!("(module {})", function.repeat(3)), &limits, Ok(()));
        let message = "it has more than 54 bytes of code, each counted for every block around it";
        told(&format!("(module {})", function.repeat(4)), &limits, Err(message));
    }

    #[test]
    fn components_are_so_deep_inside_each_other_and_no_deeper() {
        let limits = Limits { component_depth_max: 2, ..Limits::default() };
        told("(component (component (component (core module))))", &limits, Ok(()));
        let message = "it has components inside each other, more than 2";
        told("(component (component (component (component (core module)))))", &limits, Err(message));
    }
}
