//! What is shown to a verifier (R19): each must, by the attack that it stops.

use denizen_credential::{
    CredentialError, IatWindow, KeyBinding, KeyBindingPolicy, PathItem, Registered, SdRules,
    UnverifiedCredential, UnverifiedPresentation, VerifiedPresentation, issue, present, sd_hash,
};
use denizen_evil::{Outcome, attacks, stopped};
use denizen_gateway::verifier::verify::VerifyError;
use denizen_jose::{Portable, base64url_decode, base64url_encode, sign_compact};
use denizen_model::{
    MessageId, OrgId, SecretKeyFor,
    key::{Cnf, Issuer},
    link::{kb_audience, kb_nonce},
};
use denizen_testkit::{Rng, START};
use rand_core::SeedableRng as _;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

const KIND: &str = "urn:denizen:kind:work-permit:1";
const PURPOSE: &str = "urn:denizen:service:right-to-work-check";

/// An issuer, a holder with one paper, and two offices that ask.
struct Scene {
    issuer: SecretKeyFor<Issuer>,
    holder: SecretKeyFor<Cnf>,
    office: OrgId,
    other: OrgId,
    message: MessageId,
    rng: Rng,
}

impl Scene {
    fn make() -> Self {
        let mut rng = Rng::seed_from_u64(52);
        Self {
            issuer: SecretKeyFor::make(&mut rng),
            holder: SecretKeyFor::make(&mut rng),
            office: OrgId::new([1; 32]),
            other: OrgId::new([2; 32]),
            message: MessageId::new([3; 16]),
            rng,
        }
    }

    /// Her paper: she may not work, which is in clear; two claims are hers to show.
    fn paper(&mut self) -> String {
        let claims = json!({ "may_work": false, "number": "12", "region": "RU-TVE" });
        let rules = [json!(["number"]), json!(["region"])];
        let rules = SdRules::from_paths(rules.iter().map(|p| p.as_array().unwrap().as_slice()));
        let registered = Registered {
            iss: "issuer".into(),
            iat: START.0,
            exp: None,
            vct: KIND.into(),
            vct_integrity: None,
            cnf: self.holder.public_for().key().clone(),
            status: None,
        };
        let (claims, key) = (claims.as_object().unwrap(), self.issuer.signer());
        issue(claims, &rules, &registered, "i", key, &mut self.rng)
    }

    /// A paper of any payload, signed by any key, with these disclosures.
    fn made(
        &self,
        header: Value,
        more: Value,
        by: &SecretKeyFor<Issuer>,
        texts: &[&str],
    ) -> String {
        let cnf = self.holder.public_for();
        let mut payload = json!({
            "iss": "issuer", "vct": KIND, "_sd_alg": "sha-256", "cnf": { "jwk": cnf.key() },
        });
        let members = payload.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        let header = header.as_object().unwrap().clone();
        let jwt = sign_compact(by.signer(), header, payload.to_string().as_bytes());
        let parts = [&[jwt.as_str()][..], texts, &[""]].concat();
        parts.join("~")
    }

    /// What a client binds a presentation to one office, purpose and message with.
    fn nonce(&self, org: &OrgId, message: &MessageId) -> String {
        kb_nonce(org, PURPOSE, None, message)
    }

    /// Key binding over `bound` by any key, of any type.
    fn bind(&self, bound: &str, typ: &str, by: &SecretKeyFor<Cnf>) -> String {
        let payload = json!({
            "iat": START.0,
            "aud": kb_audience(&self.office),
            "nonce": self.nonce(&self.office, &self.message),
            "sd_hash": sd_hash(bound),
        });
        let mut header = Map::new();
        header.insert("typ".into(), typ.into());
        let jwt = sign_compact(by.signer(), header, payload.to_string().as_bytes());
        format!("{bound}{jwt}")
    }

    /// Her paper, shown to an office in a message: of its disclosures only these.
    fn shown(&mut self, org: &OrgId, message: &MessageId, names: &[&str], iat: i64) -> String {
        let text = self.paper();
        let credential = UnverifiedCredential::parse(&text).unwrap();
        let key = self.issuer.public_for();
        let credential = credential.verify(&Portable, key.key()).unwrap();
        let path = |name: &&str| vec![PathItem::Name((*name).to_owned())];
        let paths: Vec<_> = names.iter().map(path).collect();
        let (aud, nonce) = (kb_audience(org), self.nonce(org, message));
        let binding = KeyBinding {
            aud: &aud,
            nonce: &nonce,
            iat,
        };
        present(&credential, &paths, binding, self.holder.signer())
    }

    /// What the office says to a presentation that came in a message.
    fn verify(&self, text: &str) -> Result<VerifiedPresentation, CredentialError> {
        let (aud, nonce) = (
            kb_audience(&self.office),
            self.nonce(&self.office, &self.message),
        );
        let iat = IatWindow {
            min: START.0 - 100,
            max: START.0 + 100,
        };
        let policy = KeyBindingPolicy::Required {
            aud: &aud,
            nonce: &nonce,
            iat,
        };
        let key = self.issuer.public_for();
        UnverifiedPresentation::parse(text)?.verify(&Portable, key.key(), policy)
    }

    /// The end of an attack: refused with the code that the applicant is told, or taken for good.
    fn end(&self, text: &str, harm: impl FnOnce(&VerifiedPresentation)) -> Outcome {
        match self.verify(text) {
            Err(error) => stopped(VerifyError::from(error).code()),
            Ok(verified) => {
                harm(&verified);
                Outcome::Harm
            }
        }
    }
}

fn header() -> Value {
    json!({ "typ": "dc+sd-jwt", "kid": "i" })
}

fn disclosure(array: &Value) -> (String, String) {
    let text = base64url_encode(array.to_string());
    let digest = base64url_encode(Sha256::digest(&text));
    (text, digest)
}

fn claim<'a>(verified: &'a VerifiedPresentation, name: &str) -> &'a Value {
    &verified.credential().claims()[name]
}

/// Everything up to and with the last `~`.
fn bound(text: &str) -> &str {
    &text[..=text.rfind('~').unwrap()]
}

attacks! {
    /// A holder changes what her paper says.
    52 "R19" [IssuerSignature] stopped("evidence-refused");
    async fn a_holder_changes_her_paper() -> Outcome {
        let mut s = Scene::make();
        let text = s.paper();
        let mut parts: Vec<_> = text.split('.').map(str::to_owned).collect();
        let payload = String::from_utf8(base64url_decode(&parts[1]).unwrap()).unwrap();
        parts[1] = base64url_encode(payload.replace("false", "true"));
        let text = s.bind(&parts.join("."), "kb+jwt", &s.holder);
        s.end(&text, |v| assert_eq!(*claim(v, "may_work"), true))
    }

    /// Something else that the issuer's key signed is shown as a paper.
    53 "R19" [CredentialType] stopped("evidence-refused");
    async fn a_token_of_another_type_is_shown() -> Outcome {
        let s = Scene::make();
        let header = json!({ "typ": "appointment+jwt", "kid": "i" });
        let text = s.made(header, json!({ "may_work": true }), &s.issuer, &[]);
        let text = s.bind(&text, "kb+jwt", &s.holder);
        s.end(&text, |v| assert_eq!(*claim(v, "may_work"), true))
    }

    /// A holder adds a disclosure that nobody issued: it lies among verified papers.
    54 "R19" [DisclosureReferenced] stopped("evidence-refused");
    async fn a_disclosure_that_nobody_issued_rides_along() -> Outcome {
        let mut s = Scene::make();
        let (own, _) = disclosure(&json!(["s", "may_work_everywhere", true]));
        let text = format!("{}{own}~", s.paper());
        let text = s.bind(&text, "kb+jwt", &s.holder);
        s.end(&text, |v| assert_eq!(v.sd_hash(), sd_hash(bound(&text))))
    }

    /// An issuer refers to one disclosure from two places: two readers see two papers.
    55 "R19" [DigestOnce] stopped("evidence-refused");
    async fn one_disclosure_stands_in_two_places() -> Outcome {
        let s = Scene::make();
        let (text, digest) = disclosure(&json!(["s", "role", "owner"]));
        let twice = json!({ "_sd": [digest], "tenant": { "_sd": [digest] } });
        let text = s.made(header(), twice, &s.issuer, &[&text]);
        let text = s.bind(&text, "kb+jwt", &s.holder);
        s.end(&text, |v| assert_eq!(v.credential().disclosures().len(), 1))
    }

    /// A paper's place in the status list is concealed like a claim: nobody looks whether it was
    /// withdrawn.
    56 "R19" [ClaimNotConcealed] stopped("evidence-refused");
    async fn a_papers_status_is_concealed() -> Outcome {
        let s = Scene::make();
        let status = json!({ "status_list": { "idx": 1, "uri": "urn:denizen:status:x:1" } });
        let (text, digest) = disclosure(&json!(["s", "status", status]));
        let text = s.made(header(), json!({ "_sd": [digest] }), &s.issuer, &[&text]);
        let text = s.bind(&text, "kb+jwt", &s.holder);
        s.end(&text, |v| assert_eq!(v.credential().status(), None))
    }

    /// A thief of a paper shows it without its key.
    57 "R19" [KeyBindingThere] stopped("evidence-refused");
    async fn a_stolen_paper_is_shown_without_its_key() -> Outcome {
        let mut s = Scene::make();
        let text = s.paper();
        s.end(&text, |v| assert_eq!(v.iat(), None))
    }

    /// A thief of a paper binds it with a key of his own.
    58 "R19" [KeyBindingSignature] stopped("evidence-refused");
    async fn a_stolen_paper_is_bound_by_another_key() -> Outcome {
        let mut s = Scene::make();
        let (text, thief) = (s.paper(), SecretKeyFor::make(&mut s.rng));
        let text = s.bind(&text, "kb+jwt", &thief);
        s.end(&text, |v| assert_eq!(*claim(v, "number"), "12"))
    }

    /// Something else that her key signed is shown as her agreement.
    59 "R19" [KeyBindingType] stopped("evidence-refused");
    async fn another_signature_of_hers_is_shown_as_key_binding() -> Outcome {
        let mut s = Scene::make();
        let text = s.paper();
        let text = s.bind(&text, "login+jwt", &s.holder);
        s.end(&text, |v| assert_eq!(*claim(v, "number"), "12"))
    }

    /// An office passes on what it was shown, as if it were shown to another.
    60 "R19" [KeyBindingAudience, KeyBindingNonce] stopped("wrong-audience");
    async fn a_paper_is_passed_on_to_another_office() -> Outcome {
        let mut s = Scene::make();
        let (other, message) = (s.other, s.message);
        let text = s.shown(&other, &message, &["number"], START.0);
        s.end(&text, |v| assert_eq!(*claim(v, "number"), "12"))
    }

    /// A clerk uses a paper of one application in another.
    61 "R19" [KeyBindingNonce] stopped("wrong-request");
    async fn a_paper_is_used_in_another_application() -> Outcome {
        let mut s = Scene::make();
        let (office, earlier) = (s.office, MessageId::new([9; 16]));
        let text = s.shown(&office, &earlier, &["number"], START.0);
        s.end(&text, |v| assert_eq!(*claim(v, "number"), "12"))
    }

    /// Somebody who had her device for an hour made presentations for later.
    62 "R19" [KeyBindingTime] stopped("evidence-out-of-time");
    async fn a_paper_was_made_long_before_it_is_shown() -> Outcome {
        let mut s = Scene::make();
        let (office, message) = (s.office, s.message);
        let text = s.shown(&office, &message, &["number"], START.0 - 40 * 86_400);
        s.end(&text, |v| assert_eq!(v.iat(), Some(START.0 - 40 * 86_400)))
    }

    /// Somebody who has all of a paper shows more of it than she agreed to.
    63 "R19" [KeyBindingHash] stopped("evidence-refused");
    async fn more_is_shown_than_she_agreed_to() -> Outcome {
        let mut s = Scene::make();
        let (office, message) = (s.office, s.message);
        s.rng = Rng::seed_from_u64(1);
        let few = s.shown(&office, &message, &["number"], START.0);
        s.rng = Rng::seed_from_u64(1);
        let all = s.paper();
        let (_, key_binding) = few.rsplit_once('~').unwrap();
        let text = format!("{all}{key_binding}");
        s.end(&text, |v| assert_eq!(*claim(v, "region"), "RU-TVE"))
    }

    /// A forger puts his own key into the header of a paper that he made.
    64 "R19" [TrustRoot] stopped("evidence-refused");
    async fn a_paper_brings_its_own_key() -> Outcome {
        let mut s = Scene::make();
        let forger = SecretKeyFor::<Issuer>::make(&mut s.rng);
        let key = forger.public_for();
        let header = json!({ "typ": "dc+sd-jwt", "kid": "i", "jwk": key.key() });
        let text = s.made(header, json!({ "may_work": true }), &forger, &[]);
        let text = s.bind(&text, "kb+jwt", &s.holder);
        s.end(&text, |v| assert_eq!(*claim(v, "may_work"), true))
    }
}
