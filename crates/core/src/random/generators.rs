//! The generators that exist, by number. Number 0 is the default one.

use std::cell::RefCell;

use super::Generator;
use crate::call::GeneratorId;
use crate::{Error, ErrorKind, Result};

thread_local! {
    static TABLE: RefCell<Vec<Option<Generator>>> = RefCell::new(vec![Some(Generator::default())]);
}

/// Keeps a generator; its number names it until `release`.
pub fn put(generator: Generator) -> GeneratorId {
    TABLE.with_borrow_mut(|table| {
        let free = table.iter().position(Option::is_none).unwrap_or(table.len());
        if free == table.len() {
            table.push(None);
        }
        table[free] = Some(generator);
        GeneratorId(free as u32)
    })
}

/// Forgets a generator; the default one stays.
pub fn release(id: GeneratorId) {
    if id.0 != 0 {
        TABLE.with_borrow_mut(|table| {
            if let Some(slot) = table.get_mut(id.0 as usize) {
                *slot = None;
            }
        });
    }
}

/// Draws from a generator, the default one unless another is named.
pub fn with<R>(id: Option<GeneratorId>, f: impl FnOnce(&mut Generator) -> R) -> Result<R> {
    let n = id.map_or(0, |id| id.0 as usize);
    TABLE.with_borrow_mut(|table| match table.get_mut(n) {
        Some(Some(generator)) => Ok(f(generator)),
        _ => Err(Error::new(ErrorKind::Disposed, format!("generator {n} was disposed"))),
    })
}
