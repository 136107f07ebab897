//! ES256 by the browser's own cryptography: it is native there, and answers later.

use denizen_holder::{CheckAhead, Checking, Signed};
use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = "
/** Checks ES256 signatures: points of P-256 (uncompressed, 65 bytes), what was signed, and `r || s`.
 *  Gives 1 for each that is good, else 0. */
export type CheckAhead = (points: Uint8Array[], messages: Uint8Array[], signatures: Uint8Array[]) => Promise<Uint8Array>;
";

#[wasm_bindgen]
extern "C" {
    /// The page's function that checks.
    #[wasm_bindgen(typescript_type = "CheckAhead", extends = Function)]
    pub type Check;
}

std::thread_local! {
    static FUNCTION: std::cell::RefCell<Option<Function>> = const { std::cell::RefCell::new(None) };
}

/// Says what checks signatures ahead. Without it all are checked by the module.
#[wasm_bindgen(js_name = setCheckAhead)]
pub fn set_check_ahead(check: &Check) {
    let function: Function = check.unchecked_ref::<Function>().clone();
    FUNCTION.with(|f| f.replace(Some(function)));
}

/// Checks with the page's function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Browser;

impl CheckAhead for Browser {
    fn check(&self, asked: Vec<Signed>) -> Checking {
        Box::pin(async move {
            let count = asked.len();
            let good = match call(&asked) {
                Some(promise) => JsFuture::from(promise).await.ok(),
                None => None,
            };
            let good = good.and_then(|good| good.dyn_into::<Uint8Array>().ok());
            let good = good.filter(|good| good.length() as usize == count);
            good.map_or_else(Vec::new, |good| {
                good.to_vec().iter().map(|g| *g == 1).collect()
            })
        })
    }
}

fn call(asked: &[Signed]) -> Option<Promise> {
    let all = |part: fn(&Signed) -> &[u8]| -> Array {
        asked
            .iter()
            .map(|s| JsValue::from(Uint8Array::from(part(s))))
            .collect()
    };
    let function = FUNCTION.with(|f| f.borrow().clone())?;
    let promise = function.call3(
        &JsValue::NULL,
        &all(|s| s.key.as_bytes()),
        &all(|s| &s.message),
        &all(|s| &s.signature),
    );
    promise.ok()?.dyn_into::<Promise>().ok()
}
