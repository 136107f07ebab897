//! Files that go with messages, both ways: a photograph as counter-evidence, papers of an application, an
//! office's answer; over a wire that breaks, on two devices, after a restore, until retention ends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use denizen_gateway::{Answer, FileView, GatewayError};
use denizen_holder::{Event, FileState, HeldFile, HolderError, ObjectFiles};
use denizen_model::{Sha256Hash, object::PART_SIZE_BYTES_MAX};
use denizen_seal::FileToAttach;
use denizen_testkit::{
    AZIZA, Fault, Play,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE, WORK_PERMIT, permit, vct},
};
use rand_core::{Rng as _, SeedableRng as _};

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const MIB: usize = 1 << 20;

/// Bytes like those of a photograph: nothing in them repeats.
fn photo(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    denizen_testkit::Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

fn jpeg(seed: u64, size: usize) -> FileToAttach {
    FileToAttach::new("билет.jpg", "image/jpeg", photo(seed, size))
}

fn pdf(seed: u64, size: usize) -> FileToAttach {
    FileToAttach::new("answer.pdf", "application/pdf", photo(seed, size))
}

fn mark(play: &mut Play, file: &FileToAttach) {
    let at = file.content.len() / 2;
    play.world.marks.add("content", &file.content[at..at + 40]);
    play.world.marks.add("name", &file.name);
}

/// A place beside the profile, as a program has one on its disk.
#[derive(Default)]
struct Beside(Mutex<BTreeMap<String, Vec<u8>>>);

impl ObjectFiles for Beside {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> bool {
        let mut files = self.0.lock().unwrap();
        files.insert(name.to_owned(), bytes.to_vec());
        true
    }

    fn remove(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }
}

async fn dispute_with(play: &mut Play, kept: Sha256Hash, files: Vec<FileToAttach>) {
    for file in &files {
        mark(play, file);
    }
    let claims = vec![vec!["checkpoint".to_owned(), "name".to_owned()]];
    let done = play.person("aziza", |h, with| {
        h.attach(files)?;
        h.dispute(&kept, claims, "It was another post", &[], with)
    });
    done.await.unwrap();
}

async fn opened(
    play: &mut Play,
    office: &'static str,
    number: i64,
) -> Result<(FileView, Vec<u8>), GatewayError> {
    let open = play.at_office(office, |g, now, rng| {
        g.open_file(number, "registrar", now, rng)
    });
    open.await.map(|(view, content)| (view, content.to_vec()))
}

/// Name, whose, state, and a hash of the content if it opens.
type Shown = (String, bool, FileState, Option<Sha256Hash>);

fn shown(play: &Play, person: &str) -> Vec<Shown> {
    let holder = play.holder(person);
    let one = |f: &HeldFile| {
        let content = holder.file_content(f).map(|c| Sha256Hash::of(&c));
        (f.name().to_owned(), f.hers, f.state, content)
    };
    holder.files().iter().map(one).collect()
}

fn whole(file: &FileToAttach, hers: bool) -> Shown {
    let content = Some(Sha256Hash::of(&file.content));
    (file.name.clone(), hers, FileState::Here, content)
}

#[tokio::test]
async fn d11_a_photograph_goes_with_a_dispute_and_the_office_answers_with_a_paper() {
    let mut play = Play::settled(421, AZIZA, &[BORDER]).await;
    let kept = play.record("aziza", vct::CROSSING).kept;
    let (photo, small) = (jpeg(1, MIB), jpeg(2, 10));
    dispute_with(&mut play, kept, vec![photo.clone()]).await;
    let files = play.gateway("border").dispute_files(1).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(
        (files[0].name.as_str(), files[0].size),
        ("билет.jpg", MIB as u64)
    );
    assert!(files[0].here && files[0].media_type == "image/jpeg");
    let (_, content) = opened(&mut play, "border", files[0].number).await.unwrap();
    assert!(content == *photo.content);
    let notices = &play.holder("aziza").profile().notices;
    assert_eq!(notices[0].notice.claims, ["file: билет.jpg"], "she is told");
    assert_eq!(shown(&play, "aziza"), [whole(&photo, true)]);
    // What the office has, it needs no second time: the hub has erased it.
    let inbox = play.world.wire.exchanges();
    let erased = inbox.iter().filter(|e| e.method == http::Method::DELETE);
    assert!(erased.count() > 0);

    let answer = pdf(3, 300_000);
    mark(&mut play, &answer);
    let (sent, reject) = (
        answer.clone(),
        Answer::Reject {
            reason: "The camera says so".into(),
        },
    );
    let done = play.at_office("border", |g, now, rng| {
        g.attach(vec![sent])?;
        g.answer_dispute(1, &reject, now, rng)
    });
    done.await.unwrap();
    let all = [whole(&photo, true), whole(&answer, false)];
    assert_eq!(shown(&play, "aziza"), all);
    let told = &play.people["aziza"].events;
    assert!(told.contains(&Event::FileReceived { link: 1 }));
    let threads: Vec<_> = play
        .holder("aziza")
        .files()
        .iter()
        .map(|f| f.thread)
        .collect();
    assert_eq!(threads[0], threads[1], "in the dispute's thread");

    // Another device, and one that is restored, have all of it.
    play.second_device("aziza", "tablet").await;
    assert_eq!(shown(&play, "tablet"), all);
    play.restore_from_kit("aziza").await;
    assert_eq!(shown(&play, "aziza"), all);
    // What one device sends, the other sees.
    let link = play.holder("tablet").profile().links[0].index;
    let sent = small.clone();
    let done = play.person("tablet", |h, (now, rng)| {
        h.attach(vec![sent])?;
        h.note(link, None, "One more", now, rng)
    });
    done.await.unwrap();
    assert_eq!(shown(&play, "aziza").last(), Some(&whole(&small, true)));
    let note = play.gateway("border").notes().unwrap()[0].number;
    assert_eq!(play.gateway("border").note_files(note).unwrap().len(), 1);
    // Nor is a key of one anywhere but in sealed messages and the encrypted profile.
    for (at, file) in play.holder("aziza").files().to_vec().iter().enumerate() {
        let objects = [file.attachment.object.as_ref(), file.copy.as_ref()];
        for object in objects.into_iter().flatten() {
            let label = format!("key of object {at}");
            play.world.marks.add(&label, object.key.danger_bytes());
        }
    }
    play.end().await;
}

#[tokio::test]
async fn an_upload_that_breaks_anywhere_goes_on_on_a_device_that_was_killed() {
    // 1.5 MiB are 2 MiB sealed: to herself and to the office a question and 2 parts each.
    for stop in 0..6 {
        for fault in [Fault::LoseRequest, Fault::LoseAnswer] {
            let mut play = Play::settled(422, AZIZA, &[BORDER]).await;
            let kept = play.record("aziza", vct::CROSSING).kept;
            let photo = jpeg(stop as u64, 3 * MIB / 2);
            let mut puts = 0;
            play.world.wire.plan(move |_, request| {
                let put = request.uri().path().contains("/objects/")
                    && request.method() == http::Method::PUT;
                puts += usize::from(put);
                // Whatever comes after it in that round is lost as well.
                (put && puts == stop + 1).then_some(fault)
            });
            play.killed_at = (0, Some(0));
            dispute_with(&mut play, kept, vec![photo.clone()]).await;
            play.settle().await;
            assert_eq!(shown(&play, "aziza"), [whole(&photo, true)]);
            let file = play.gateway("border").dispute_files(1).unwrap()[0].number;
            let (_, content) = opened(&mut play, "border", file).await.unwrap();
            assert!(content == *photo.content, "stopped at {stop}");
            // Nothing was sent twice but what was lost.
            let exchanges = play.world.wire.exchanges();
            let sent = exchanges
                .iter()
                .filter(|e| e.request.len() >= PART_SIZE_BYTES_MAX);
            assert!(sent.count() <= 2 * 2 + 1, "stopped at {stop}");
            play.end().await;
        }
    }
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_and_holds_nothing_up() {
    let mut play = Play::settled(423, AZIZA, &[BORDER]).await;
    let answer = pdf(9, 5 * MIB);
    mark(&mut play, &answer);
    let case = AZIZA.case("border").to_owned();
    let mut gets = 0;
    play.world.wire.plan(move |_, request| {
        let get =
            request.uri().path().contains("/objects/") && request.method() == http::Method::GET;
        gets += usize::from(get);
        (get && gets % 2 == 0 && gets < 9).then_some(Fault::LoseAnswer)
    });
    let sent = answer.clone();
    let done = play.at_office("border", |g, now, rng| {
        g.attach(vec![sent])?;
        g.write_note(&case, "Your paper", now, rng)
    });
    done.await.unwrap();
    assert_eq!(
        play.holder("aziza").profile().notes.len(),
        1,
        "the note is not held up"
    );
    assert_eq!(shown(&play, "aziza")[0].2, FileState::Due);
    for _ in 0..4 {
        play.settle().await;
    }
    // Each part that came was asked for once, and once more if its answer was lost.
    let exchanges = play.world.wire.exchanges();
    let got = exchanges
        .iter()
        .filter(|e| e.answer.len() >= PART_SIZE_BYTES_MAX);
    assert_eq!(got.count(), 8 + 4);
    assert_eq!(shown(&play, "aziza"), [whole(&answer, false)]);
    play.end().await;
}

#[tokio::test]
async fn d9_files_of_an_application_are_replaced_by_an_amendment_and_end_with_its_retention() {
    let mut play = Play::settled(424, AZIZA, &[BORDER, TEST_CENTRE, CLINIC, IMMIGRATION]).await;
    let (first, second) = (jpeg(1, 70_000), jpeg(2, 80_000));
    for file in [&first, &second] {
        mark(&mut play, file);
    }
    let sent = first.clone();
    play.person("aziza", |h, _| h.attach(vec![sent]))
        .await
        .unwrap();
    let id = play.apply_for_permit("aziza").await;
    let states = play.follow("aziza", &id);
    assert_eq!(states.len(), 1, "{states:?} {:?}", play.alarms("aziza"));
    assert_eq!(states[0].1, None);
    let case = play.open_case_reference("immigration");
    let files = play.gateway("immigration").case_files(&case).unwrap();
    let (_, content) = opened(&mut play, "immigration", files[0].number)
        .await
        .unwrap();
    assert!(content == *first.content);

    let answers = AZIZA.answers();
    let preview = play.preview("aziza", WORK_PERMIT, answers).unwrap();
    let confirmed = denizen_holder::Confirmed {
        special: preview.special(),
        linkable: true,
    };
    let sent = second.clone();
    let done = play.person("aziza", |h, (now, rng)| {
        h.attach(vec![sent])?;
        h.amend(&id, &preview, &confirmed, now, rng)
    });
    done.await.unwrap();
    let files = play.gateway("immigration").case_files(&case).unwrap();
    assert_eq!(files.len(), 1, "the earlier version's is destroyed");
    let number = files[0].number;
    let (_, content) = opened(&mut play, "immigration", number).await.unwrap();
    assert!(content == *second.content);

    let decision = pdf(3, 90_000);
    mark(&mut play, &decision);
    let sent = decision.clone();
    play.gateway("immigration").attach(vec![sent]).unwrap();
    play.decide("immigration", permit()).await.unwrap();
    let last = shown(&play, "aziza").pop().unwrap();
    assert_eq!(last, whole(&decision, false));
    // Until retention ends the office has what she sent; then nothing of it.
    assert!(opened(&mut play, "immigration", number).await.is_ok());
    let later = play.world.now().plus_s(6 * 366 * 86_400);
    let mut rng = denizen_testkit::Rng::seed_from_u64(0);
    let ended = play.gateway("immigration").retain(later, &mut rng);
    assert_eq!(ended.unwrap(), 1);
    let gone = opened(&mut play, "immigration", number).await;
    assert!(matches!(gone, Err(GatewayError::FileUnknown)), "{gone:?}");
    play.canary().await;
}

#[tokio::test]
async fn what_is_too_large_or_too_much_is_refused_before_anything_is_queued() {
    let mut play = Play::settled(425, AZIZA, &[BORDER]).await;
    let large = jpeg(1, 16 * MIB);
    let refused = play.person("aziza", |h, _| h.attach(vec![large.clone()]));
    assert!(matches!(refused.await, Err(HolderError::FileTooLarge)));
    let many = vec![jpeg(1, 1); 17];
    let refused = play.person("aziza", |h, _| h.attach(many));
    assert!(matches!(refused.await, Err(HolderError::FileTooLarge)));
    let refused = play.gateway("border").attach(vec![large]);
    assert!(matches!(refused, Err(GatewayError::FileTooLarge)));
    assert!(play.holder("aziza").files().is_empty());
    // The largest that fits goes.
    let kept = play.record("aziza", vct::CROSSING).kept;
    let largest = jpeg(2, 16 * MIB - 4);
    dispute_with(&mut play, kept, vec![largest.clone()]).await;
    let file = play.gateway("border").dispute_files(1).unwrap()[0].number;
    let (_, content) = opened(&mut play, "border", file).await.unwrap();
    assert!(content == *largest.content);
    assert_eq!(shown(&play, "aziza"), [whole(&largest, true)]);
}

#[tokio::test]
async fn more_than_address_0_has_room_for_stays_on_the_device_and_is_said_to() {
    let mut play = Play::settled(426, AZIZA, &[BORDER]).await;
    let link = play.holder("aziza").profile().links[0].index;
    let beside = Arc::new(Beside::default());
    let files = Arc::clone(&beside);
    let kept = play.person("aziza", |h, _| h.keep_objects_in(files));
    kept.await.unwrap();
    // 16 MiB sealed each; two of them are what own copies may take.
    for seed in 1..=3 {
        let sent = jpeg(seed, 9 * MIB);
        let done = play.person("aziza", |h, (now, rng)| {
            h.attach(vec![sent])?;
            h.note(link, None, "A scan", now, rng)
        });
        done.await.unwrap();
    }
    let states = |play: &Play| -> Vec<FileState> {
        play.holder("aziza")
            .files()
            .iter()
            .map(|f| f.state)
            .collect()
    };
    use FileState::{Here, NotKept};
    assert_eq!(states(&play), [Here, Here, Here]);
    assert_eq!(play.gateway("border").notes().unwrap().len(), 3);
    // Beside the profile lie her three copies, and nothing of what the office has.
    assert_eq!(beside.0.lock().unwrap().len(), 3);
    let profile = play
        .holder("aziza")
        .encrypt(&mut denizen_testkit::Rng::seed_from_u64(0));
    assert!(profile.len() < MIB, "the profile itself stays small");
    play.restore_from_kit("aziza").await;
    assert_eq!(states(&play), [Here, Here, NotKept]);
    assert!(play.alarms("aziza").is_empty());
}

#[tokio::test]
async fn shredding_a_link_takes_its_files_here_and_at_the_hub() {
    let mut play = Play::settled(427, AZIZA, &[BORDER]).await;
    let kept = play.record("aziza", vct::CROSSING).kept;
    let photo = jpeg(1, 100_000);
    dispute_with(&mut play, kept, vec![photo]).await;
    let copy = play.holder("aziza").files()[0].copy.clone().unwrap();
    play.settle().await;
    let of_hub = play.world.folder(".").join("hub-0.db");
    let stored = |id: &Sha256Hash| {
        let bytes = std::fs::read(&of_hub).unwrap();
        bytes.windows(32).any(|w| w == id.as_bytes())
    };
    assert!(stored(&copy.id), "her own copy is at the hub");
    let link = play.holder("aziza").profile().links[0].index;
    let (wire, now) = (play.world.wire.clone(), play.world.now());
    let rng = &mut play.world.rng;
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    holder.shred(link, &wire, now, rng).await.unwrap();
    assert!(play.holder("aziza").files().is_empty());
    play.settle().await;
    assert!(!stored(&copy.id));
    play.restore_from_kit("aziza").await;
    assert!(play.holder("aziza").files().is_empty());
    assert!(play.alarms("aziza").is_empty());
}

#[tokio::test]
async fn a_device_that_dies_after_sending_and_before_it_kept_that_sends_the_same_again() {
    let mut play = Play::settled(428, AZIZA, &[BORDER]).await;
    let beside = Arc::new(Beside::default());
    let link = play.holder("aziza").profile().links[0].index;
    let (wire, now) = (play.world.wire.clone(), play.world.now());
    let mut rng = denizen_testkit::Rng::seed_from_u64(5);
    let photo = jpeg(1, 100_000);
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    holder.keep_objects_in(Arc::clone(&beside) as _).unwrap();
    holder.attach(vec![photo.clone()]).unwrap();
    holder.note(link, None, "A scan", now, &mut rng).unwrap();
    let kept = holder.encrypt(&mut rng);
    holder.send(&wire, now).await.unwrap();
    // It dies here: of what was sent it knows nothing, and what it needs is there.
    let root = holder.danger_root().clone();
    *holder = denizen_holder::Holder::open(root, &kept, denizen_testkit::catalogue(), now).unwrap();
    holder.keep_objects_in(Arc::clone(&beside) as _).unwrap();
    play.settle().await;
    assert_eq!(shown(&play, "aziza"), [whole(&photo, true)]);
    let notes = play.gateway("border").notes().unwrap();
    assert_eq!(notes.len(), 1);
    assert_eq!(
        play.gateway("border")
            .note_files(notes[0].number)
            .unwrap()
            .len(),
        1
    );
    play.settle().await;
    let copy = play.holder("aziza").files()[0].copy.clone().unwrap();
    let names: Vec<String> = beside.0.lock().unwrap().keys().cloned().collect();
    assert_eq!(names, [copy.id.to_text()], "only her own copy stays");
    play.end().await;
}
