//! Texts that stores keep verbatim.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "texts" {
    payloads_and_texts_are_stored_verbatim: "Payloads keep the order of keys, the spelling of numbers, repeated keys, escapes and `\\u0000`.",
    results_and_edited_payloads_are_stored_verbatim: "Results, and payloads that are edited for a retry, keep their text as well.",
    every_text_keeps_every_character: "Every text keeps NUL, quotes, line ends and characters beyond the basic plane, and filters find it.",
    a_payload_and_a_result_of_one_mebibyte_are_kept: "A payload and a result of 1 MiB read back unchanged.",
}}

async fn payloads_and_texts_are_stored_verbatim(store: AnyStore) {
    let payloads = [
        r#"{"z":1,"a":{"y":2,"b":[]},"z":3}"#,
        r#"{"nul":"\u0000","half":"\ud83d\ude00","slash":"\/","quote":"\""}"#,
        r#"{ "big": 123456789012345678901234567890.10, "e": 1E400, "zero": -0.0 }"#,
        "{\"text\":\"naïve ☃ 😀\",\n\t\"space\" : 1 }",
        "{}",
    ];
    let odd = "nul \u{0} quote \" slash \\ snow ☃";
    let batch: Vec<_> = payloads
        .iter()
        .map(|payload| {
            new_with("j", |new| {
                new.payload = (*payload).to_owned();
                new.item_id = Some(odd.to_owned());
                new.tags = vec![odd.to_owned()];
            })
        })
        .collect();
    store.enqueue(batch.clone()).await.unwrap();
    let session = session(&store, "w").await;
    let claimed = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    for (claimed, payload) in claimed.iter().zip(payloads) {
        assert_eq!(claimed.payload, payload);
        let mut settlement = failure(claimed);
        if let Some(error) = &mut settlement.end.error {
            error.message = odd.to_owned();
        }
        settle(&store, settlement).await;
    }
    for (new, payload) in batch.iter().zip(payloads) {
        let read = record(&store, new.id).await;
        assert_eq!(read.payload.get(), payload.trim());
        assert_eq!(read.item_id.as_deref(), Some(odd));
        assert_eq!(read.tags, [odd]);
        assert_eq!(read.error.unwrap().message, odd);
        assert_eq!(read.attempts[0].error.as_ref().unwrap().message, odd);
    }
}

async fn every_text_keeps_every_character(store: AnyStore) {
    let odd = |place: &str| format!("{place} \u{0} 😀 \u{10FFFF} ' \" \\ {{}} é e\u{301} \r\n\t ");
    let new = new_with(&odd("job"), |new| {
        new.queue = odd("queue");
        new.correlation_id = Some(odd("correlation"));
        new.item_id = Some(odd("item"));
        new.created_by = Some(odd("creator"));
        new.triggered_by = odd("way");
        new.tags = vec![odd("tag"), String::new()];
    });
    store.enqueue(vec![new.clone()]).await.unwrap();
    let session = session(&store, &odd("worker")).await;
    let mut claim = claim(session, 1, &[&new.job_id], 1);
    claim.queues = vec![new.queue.clone()];
    let claimed = store.claim(claim).await.unwrap().pop().unwrap();
    assert_eq!(claimed.job_id, new.job_id);
    assert_eq!(claimed.correlation_id, new.correlation_id);
    assert_eq!(claimed.tags, new.tags);

    let report = ProgressReport {
        fence: claimed.fence,
        progress: Progress {
            percent: 7,
            message: Some(odd("progress")),
        },
    };
    store.report(vec![report]).await.unwrap();
    let read = record(&store, new.id).await;
    assert_eq!(read.progress_message, Some(odd("progress")));
    let mut end = failure(&claimed);
    end.end.progress = Some(Progress {
        percent: 8,
        message: Some(odd("last progress")),
    });
    if let Some(error) = &mut end.end.error {
        error.message = odd("error");
    }
    settle(&store, end).await;

    let read = record(&store, new.id).await;
    assert_eq!((&read.job_id, &read.queue), (&new.job_id, &new.queue));
    assert_eq!(read.correlation_id, new.correlation_id);
    assert_eq!(read.item_id, new.item_id);
    assert_eq!(read.created_by, new.created_by);
    assert_eq!(read.triggered_by, new.triggered_by);
    assert_eq!(read.tags, new.tags);
    assert_eq!(read.progress_message, Some(odd("last progress")));
    assert_eq!(read.error.unwrap().message, odd("error"));
    assert_eq!(read.attempts[0].worker, odd("worker"));

    // The filters find the texts.
    let mut query = ExecutionQuery::newest(9);
    query.job_id = Some(new.job_id.clone());
    query.queue = Some(new.queue.clone());
    query.item_id = new.item_id.clone();
    query.correlation_id = new.correlation_id.clone();
    query.created_by = new.created_by.clone();
    query.tag = Some(odd("tag"));
    assert_eq!(
        store.list_executions(query).await.unwrap().executions.len(),
        1
    );
}

async fn results_and_edited_payloads_are_stored_verbatim(store: AnyStore) {
    let odd =
        r#"{"z":1,"a":[1.0,1e2,-0.0,12345678901234567890123],"z":2,"n":"\u0000\ud83d\ude00"}"#;
    let failed = running(&store, "j").await;
    settle(&store, failure(&failed)).await;
    let edited = Some(odd.to_owned());
    let answer = store
        .retry(failed.execution_id, edited, EnqueueRules::default(), t(5))
        .await;
    assert_eq!(answer.unwrap(), RetryAnswer::Queued);
    let again = claim_one(&store, failed.fence.session, 2).await;
    assert_eq!(again.payload, odd);
    let mut end = success(&again);
    end.next = Next::Succeed(odd.to_owned());
    settle(&store, end).await;
    let read = record(&store, again.execution_id).await;
    assert_eq!(read.payload.get(), odd);
    assert_eq!(read.result.unwrap().get(), odd);
    // A result need not be an object.
    for result in ["null", "1.50", "\"\\u0000\"", "[]"] {
        let claimed = running(&store, "j").await;
        let mut end = success(&claimed);
        end.next = Next::Succeed(result.to_owned());
        settle(&store, end).await;
        let read = record(&store, claimed.execution_id).await;
        assert_eq!(read.result.unwrap().get(), result);
    }
}

async fn a_payload_and_a_result_of_one_mebibyte_are_kept(store: AnyStore) {
    let text = |letter: &str| format!(r#"{{"text":"{}"}}"#, letter.repeat(1_048_576 - 11));
    let new = new_with("j", |new| new.payload = text("p"));
    assert_eq!(new.payload.len(), 1_048_576);
    store.enqueue(vec![new.clone()]).await.unwrap();
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    assert!(claimed.payload == new.payload);
    let mut end = success(&claimed);
    end.next = Next::Succeed(text("r"));
    settle(&store, end).await;
    let read = record(&store, new.id).await;
    assert!(read.payload.get() == new.payload);
    assert!(read.result.unwrap().get() == text("r"));
}
