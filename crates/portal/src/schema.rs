//! JSON Schema by the page's library.

use js_sys::Function;
use wasm_bindgen::{JsCast as _, prelude::wasm_bindgen};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = "
/** Validates: texts of schema, common schema and instance. Gives JSON, an array of
 *  {pointer, keyword, detail}, empty if the instance fits. */
export type Validate = (schema: string, common: string, instance: string) => string;
";

#[wasm_bindgen]
extern "C" {
    /// The page's function that validates.
    #[wasm_bindgen(typescript_type = "Validate", extends = Function)]
    pub type Validate;
}

#[cfg(target_arch = "wasm32")]
std::thread_local! {
    static FUNCTION: std::cell::RefCell<Option<Function>> = const { std::cell::RefCell::new(None) };
}

/// Says what validates claims and answers. Without it nothing is valid.
#[wasm_bindgen(js_name = setValidate)]
pub fn set_validate(validate: &Validate) {
    let function: Function = validate.unchecked_ref::<Function>().clone();
    #[cfg(target_arch = "wasm32")]
    {
        FUNCTION.with(|f| f.replace(Some(function)));
        denizen_model::catalogue::set_validate(call);
    }
    // Natively the crate validates.
    #[cfg(not(target_arch = "wasm32"))]
    drop(function);
}

#[cfg(target_arch = "wasm32")]
fn call(schema: &str, common: &str, instance: &str) -> Option<String> {
    use wasm_bindgen::JsValue;
    FUNCTION.with(|function| {
        let function = function.borrow();
        let answer = function.as_ref()?.call3(
            &JsValue::NULL,
            &schema.into(),
            &common.into(),
            &instance.into(),
        );
        answer.ok()?.as_string()
    })
}
