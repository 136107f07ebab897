//! JSON Schema by the page's library.

use js_sys::Function;
use wasm_bindgen::{JsCast as _, prelude::wasm_bindgen};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = "
/** Validates: the name of a schema, the text of an instance, and the first time those of the schema and of
 *  the common schema. Gives JSON, an array of {pointer, keyword, detail}, empty if the instance fits. */
export type Validate = (name: string, instance: string, schema?: string, common?: string) => string;
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
fn call(name: &str, instance: &str, schema: Option<(&str, &str)>) -> Option<String> {
    use js_sys::Array;
    use wasm_bindgen::JsValue;
    FUNCTION.with(|function| {
        let function = function.borrow();
        let given = schema
            .into_iter()
            .flat_map(|(schema, common)| [schema, common]);
        let given: Array = [name, instance]
            .into_iter()
            .chain(given)
            .map(JsValue::from_str)
            .collect();
        let answer = function.as_ref()?.apply(&JsValue::NULL, &given);
        answer.ok()?.as_string()
    })
}
