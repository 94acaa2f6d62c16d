//! The document's own program, over the published vector.

use std::process::Command;

const DOCUMENT: &str = include_str!("../../../../../docs/spec/change-stream-push.md");
const VECTOR: &str = include_str!("../../../../../docs/spec/vectors/push.json");

/// What a receiver's programmer would do with the two.
const TRIAL: &str = r#"
import sys
vector = json.loads(sys.stdin.read())
webhook, secret = vector["webhook"], vector["webhook_secret"]
body, at = webhook["body"].encode(), int(webhook["headers"]["webhook-timestamp"])
assert webhook_is_genuine(webhook["headers"], body, secret, at)
assert not webhook_is_genuine(webhook["headers"], body + b" ", secret, at)
assert not webhook_is_genuine(webhook["headers"], body, "whsec_" + base64.b64encode(b"x" * 24).decode(), at)
assert not webhook_is_genuine(webhook["headers"], body, secret, at + 301)
token = json.loads(body)["token"]
assert token == vector["set_push"]["body"]
keys = {vector["signing_key"]["kid"]: b64u(vector["signing_key"]["x"])}
claims = claims_of(token, keys, vector["issuer"], vector["audience"])
assert claims["musubi_chain"]["sequence"] == 1 and json.loads(body)["data"] in claims["events"].values()
forged = token.split(".")
forged[1] = base64.urlsafe_b64encode(json.dumps(dict(claims, iat=0)).encode()).decode().rstrip("=")
for wrong in ".".join(forged), token:
    try:
        claims_of(wrong, keys, vector["issuer"], vector["audience"] if wrong != token else "rp_other")
    except (subprocess.CalledProcessError, AssertionError):
        continue
    raise SystemExit("a forged or misdirected token was taken")
print("held")
"#;

#[test]
fn the_documents_program_takes_the_published_vector_and_no_changed_one() {
    let program = DOCUMENT.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let there = |tool: &str| Command::new(tool).arg("-h").output().is_ok();
    if !there("python3") || !there("openssl") {
        return musubi_store::testing::left_out(
            "the document's Python program (python3 and openssl are not there)",
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let vector = dir.path().join("push.json");
    std::fs::write(&vector, VECTOR).unwrap();
    let output = Command::new("python3")
        .args(["-c", &format!("{program}{TRIAL}")])
        .stdin(std::fs::File::open(&vector).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"held\n");
}
