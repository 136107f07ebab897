//! Requests over the worker's `fetch`.

use denizen_api::{Transport, TransportError};
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = "
/** One request. */
export interface Asked { method: string; url: string; headers: [string, string][]; body: Uint8Array }
/** Its whole answer. */
export interface Answered { status: number; headers: [string, string][]; body: Uint8Array }
/** Sends one request; rejects if no whole answer came. */
export type Send = (asked: Asked) => Promise<Answered>;
";

#[wasm_bindgen]
extern "C" {
    /// The worker's function that sends.
    #[wasm_bindgen(typescript_type = "Send", extends = Function)]
    pub type Send;
}

/// Sends over a function of the worker.
#[derive(Debug, Clone)]
pub(crate) struct FetchTransport(Function);

impl FetchTransport {
    pub(crate) fn new(send: &Send) -> Self {
        Self(send.unchecked_ref::<Function>().clone())
    }
}

impl Transport for FetchTransport {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let asked = asked(&request).map_err(|_| TransportError::Connect)?;
        let answer = self
            .0
            .call1(&JsValue::NULL, &asked)
            .and_then(|promise| promise.dyn_into::<Promise>())
            .map_err(|_| TransportError::Connect)?;
        // `fetch` rejects alike when there is no connection and when it broke off.
        let answer = JsFuture::from(answer)
            .await
            .map_err(|_| TransportError::Connect)?;
        answered(&answer).ok_or(TransportError::Interrupted)
    }
}

fn asked(request: &http::Request<Vec<u8>>) -> Result<Object, JsValue> {
    let headers = Array::new();
    for (name, value) in request.headers() {
        let value = value.to_str().map_err(|_| JsValue::NULL)?;
        headers.push(&Array::of2(
            &JsValue::from_str(name.as_str()),
            &JsValue::from_str(value),
        ));
    }
    let asked = Object::new();
    let members: [(&str, JsValue); 4] = [
        ("method", request.method().as_str().into()),
        ("url", request.uri().to_string().into()),
        ("headers", headers.into()),
        ("body", Uint8Array::from(request.body().as_slice()).into()),
    ];
    for (name, value) in members {
        Reflect::set(&asked, &name.into(), &value)?;
    }
    Ok(asked)
}

fn answered(answer: &JsValue) -> Option<http::Response<Vec<u8>>> {
    let member = |name: &str| Reflect::get(answer, &name.into()).ok();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "StatusCode refuses what is no status"
    )]
    let status = http::StatusCode::from_u16(member("status")?.as_f64()? as u16).ok()?;
    let body = member("body")?.dyn_into::<Uint8Array>().ok()?.to_vec();
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    for pair in member("headers")?.dyn_into::<Array>().ok()?.iter() {
        let pair = pair.dyn_into::<Array>().ok()?;
        let name: http::HeaderName = pair.get(0).as_string()?.parse().ok()?;
        let value: http::HeaderValue = pair.get(1).as_string()?.parse().ok()?;
        response.headers_mut().append(name, value);
    }
    Some(response)
}
