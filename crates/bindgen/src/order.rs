//! Packs better what is the same: equal functions become one, and those that are alike lie together.
//!
//! Generic code is compiled once for each type, into functions that differ in a few bytes. What packs
//! the module looks back 32 KiB, so it finds the likeness only of neighbours. Sorted by name and size,
//! instances of one function are neighbours. Nothing but places and numbers of functions changes.

use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, HashMap};
use wasm_encoder::{
    CodeSection, Encode as _, FunctionSection, Module,
    reencode::{Error, Reencode},
};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader, KnownCustom, Name,
    Parser, Payload, TypeRef,
};

/// The module with its functions merged and sorted; without names.
///
/// # Errors
/// What is no module.
pub(crate) fn ordered(module: &[u8]) -> Result<Vec<u8>> {
    let read = Read::new(module)?;
    let same = read.same()?;
    let mut order: Vec<u32> = (0..read.count())
        .filter(|&f| f == target(&same, f))
        .collect();
    let (imported, own) = order.split_at_mut(read.imported as usize);
    debug_assert!(imported.iter().all(|&f| f < read.imported));
    own.sort_by_cached_key(|&f| (read.path(f), read.size(f), f));
    let mut place = vec![0; read.count() as usize];
    for (new, &old) in (0_u32..).zip(&order) {
        *at(&mut place, old)? = new;
    }
    let to = same
        .iter()
        .map(|&f| at(&mut place, f).copied())
        .collect::<Result<_>>()?;
    let own = order.split_off(read.imported as usize);
    let own = own.iter().map(|f| f - read.imported).collect();
    let mut sorted = Sorted { to, own };
    let mut written = Module::new();
    sorted.parse_core_module(&mut written, Parser::new(0), module)?;
    Ok(written.finish())
}

fn at(places: &mut [u32], function: u32) -> Result<&mut u32> {
    let place = places.get_mut(function as usize);
    place.context("a function that is not there")
}

fn target(same: &[u32], function: u32) -> u32 {
    same.get(function as usize).copied().unwrap_or(function)
}

/// What is asked of a module.
struct Read<'a> {
    imported: u32,
    types: Vec<u32>,
    bodies: Vec<FunctionBody<'a>>,
    names: BTreeMap<u32, String>,
}

impl<'a> Read<'a> {
    fn new(module: &'a [u8]) -> Result<Self> {
        let mut read = Self {
            imported: 0,
            types: Vec::new(),
            bodies: Vec::new(),
            names: BTreeMap::new(),
        };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        read.imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(section) => {
                    read.types = section.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::CodeSectionEntry(body) => read.bodies.push(body),
                Payload::CustomSection(section) => read.take_names(&section)?,
                _ => {}
            }
        }
        Ok(read)
    }

    fn take_names(&mut self, section: &CustomSectionReader<'a>) -> Result<()> {
        let KnownCustom::Name(names) = section.as_known() else {
            return Ok(());
        };
        for part in names {
            if let Name::Function(functions) = part? {
                for named in functions {
                    let named = named?;
                    // Without the hashes of crates, in which a path has no order.
                    let name = format!("{:#}", rustc_demangle::demangle(named.name));
                    self.names.insert(named.index, name);
                }
            }
        }
        Ok(())
    }

    fn count(&self) -> u32 {
        self.imported + u32::try_from(self.bodies.len()).unwrap_or(u32::MAX)
    }

    /// A function's name without the types for which it was made.
    fn path(&self, function: u32) -> &str {
        let name = self.names.get(&function).map_or("", String::as_str);
        name.split_once("::<").map_or(name, |(path, _)| path)
    }

    fn size(&self, function: u32) -> usize {
        let body = self.bodies.get((function - self.imported) as usize);
        body.map_or(0, |body| body.range().len())
    }

    /// For every function the one that it is the same as: itself, or an earlier one of the same type
    /// and code.
    fn same(&self) -> Result<Vec<u32>> {
        let mut merged = Sorted {
            to: (0..self.count()).collect(),
            own: Vec::new(),
        };
        loop {
            let mut seen = HashMap::new();
            let mut next = merged.to.clone();
            let own = (self.imported..).zip(self.types.iter().zip(&self.bodies));
            for (function, (typ, body)) in own {
                let mut code = CodeSection::new();
                merged.parse_function_body(&mut code, body.clone())?;
                let mut bytes = Vec::new();
                code.encode(&mut bytes);
                *at(&mut next, function)? = *seen.entry((typ, bytes)).or_insert(function);
            }
            if next == merged.to {
                return Ok(next);
            }
            merged.to = next;
        }
    }
}

/// Writes functions in another order.
struct Sorted {
    /// The new number of each function.
    to: Vec<u32>,
    /// The module's own functions, by their old number among themselves, in the new order.
    own: Vec<u32>,
}

impl Sorted {
    fn pick<T: Clone>(&self, all: &[T]) -> Vec<T> {
        let pick = |&f: &u32| all.get(f as usize).cloned();
        self.own.iter().filter_map(pick).collect()
    }
}

impl Reencode for Sorted {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        Ok(target(&self.to, function))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let types = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for typ in self.pick(&types) {
            functions.function(typ);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let bodies = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for body in self.pick(&bodies) {
            self.parse_function_body(code, body)?;
        }
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        if !matches!(section.as_known(), KnownCustom::Name(_)) {
            module.section(&self.custom_section(section)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;
    use wasm_encoder::{ExportKind, ExportSection, Function, TypeSection};

    /// Functions that give a number, or call another one; each exported under its number.
    fn module(bodies: &[Result<i32, u32>]) -> Vec<u8> {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
        types.ty().function([], [wasm_encoder::ValType::I32]);
        for (number, body) in (0..).zip(bodies) {
            functions.function(0);
            exports.export(&number.to_string(), ExportKind::Func, number);
            let mut function = Function::new([]);
            let mut does = function.instructions();
            match body {
                Ok(value) => does.i32_const(*value).end(),
                Err(called) => does.call(*called).end(),
            };
            code.function(&function);
        }
        let mut module = Module::new();
        module.section(&types).section(&functions);
        module.section(&exports).section(&code);
        module.finish()
    }

    /// What each export leads to, in the order of the exports.
    fn exported(module: &[u8]) -> Vec<u32> {
        let payloads = Parser::new(0).parse_all(module);
        let exports = payloads.filter_map(|payload| match payload.unwrap() {
            Payload::ExportSection(section) => Some(section),
            _ => None,
        });
        let all = exports.flat_map(|section| section.into_iter());
        all.map(|export| export.unwrap().index).collect()
    }

    #[test]
    fn equal_functions_become_one_and_so_do_those_that_call_them() {
        let before = module(&[Ok(7), Ok(8), Ok(7), Err(0), Err(2), Err(1)]);
        let after = ordered(&before).unwrap();
        assert_eq!(Read::new(&after).unwrap().count(), 4);
        let to = exported(&after);
        assert_eq!((to[0], to[3]), (to[2], to[4]));
        let mut different = vec![to[0], to[1], to[3], to[5]];
        different.sort_unstable();
        assert_eq!(different, [0, 1, 2, 3]);
    }

    #[test]
    fn what_is_ordered_stays_as_it_is() {
        let once = ordered(&module(&[Ok(7), Err(0), Ok(8)])).unwrap();
        assert_eq!(ordered(&once).unwrap(), once);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(ordered(b"no module").is_err());
        let whole = module(&[Ok(7)]);
        assert!(ordered(&whole[..whole.len() - 2]).is_err());
    }
}
