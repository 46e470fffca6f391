/** Problem codes in Japanese. A test holds this against the catalogue. */
import type { CodeText, CodeTexts } from "./codes.ts"

const say = (title: string, fix: string): CodeText => ({ title, fix })
const idRule = "英数字で始まる、英数字と _ と - からなる 96 文字以内の名前にしてください。"

export const codesJa: CodeTexts = {
  backend_unreachable: say(
    "バックエンドに接続できません。",
    "動作しているか、この端末が同じネットワークにあるか確認してください。"
  ),
  backend_timeout: say("バックエンドが時間内に応答しませんでした。", "もう一度お試しください。"),
  backend_broke_off: say("バックエンドの応答が途中で切れました。", "もう一度お試しください。"),
  backend_protocol_error: say(
    "バックエンドの API ではないものが応答しました。",
    "このページのアドレスや手前のプロキシを確認してください。"
  ),
  invalid_json: say("本文が JSON ではありません。", "UTF-8 の JSON を送ってください。"),
  invalid_query: say("クエリパラメーターが正しくありません。", "示されたパラメーターを直してください。"),
  invalid_request: say("リクエストが正しくありません。", "示された項目を直してください。"),
  invalid_runtime_id: say("ランタイム ID が正しくありません。", idRule),
  invalid_worker_id: say("ワーカー ID が正しくありません。", idRule),
  invalid_endpoint: say(
    "エンドポイントが正しくありません。",
    "ユーザー名、クエリ、フラグメントのない http または https の絶対 URL にしてください。"
  ),
  invalid_cursor: say("イベントカーソルの形式が正しくありません。", "カーソルなしで接続し直してください。"),
  invalid_initial_input_kind: say("最初の入力の種類が user ではありません。", "種類を user にしてください。"),
  invalid_profile_selector: say("このプロファイルはありません。", "ランタイムが示すプロファイルから選んでください。"),
  unsupported_config_declaration: say(
    "設定バンドルに、このランタイムが対応しない宣言があります。",
    "宣言を取り除くか、対応するランタイムを使ってください。"
  ),
  config_bundle_digest_mismatch: say(
    "ダイジェストが設定バンドルと一致しません。",
    "送った内容からダイジェストを計算し直してください。"
  ),
  wrong_runtime: say("リクエストが別のランタイムを指しています。", "指しているランタイムに送ってください。"),
  limit_too_large: say("件数の指定が上限を超えています。", "上限以内にして、続きはページを送ってください。"),
  request_timeout: say("リクエストが時間内に届きませんでした。", "間を空けずに全体を送ってください。"),
  not_found: say("このパスには何もありません。", "API 文書でパスを確認してください。"),
  method_not_allowed: say("このパスではそのメソッドを使えません。", "Allow にあるメソッドを使ってください。"),
  payload_too_large: say("本文が大きすぎます。", "小さくしてください。上限は応答にあります。"),
  unsupported_media_type: say(
    "本文が JSON として宣言されていません。",
    "Content-Type: application/json を付けてください。"
  ),
  upgrade_required: say(
    "このパスは WebSocket 専用です。",
    "WebSocket で開くか、隣のイベントストリームを使ってください。"
  ),
  too_many_requests: say("試行回数が多すぎます。", "しばらく待ってからお試しください。"),
  too_many_streams: say("開いているイベントストリームが多すぎます。", "不要なストリームを閉じてください。"),
  unauthorized: say("トークンがないか、正しくありません。", "ランタイムのトークンを Bearer で送ってください。"),
  session_required: say("ログインしていません。", "アクセストークンでログインしてください。"),
  origin_refused: say(
    "許可されていない場所からのリクエストです。",
    "配信元のアドレスでページを開くか、ホストを server.allowed_hosts に加えてください。"
  ),
  idempotency_key_reused: say(
    "冪等キーが別のリクエストに使われています。",
    "新しいリクエストには新しいキーを使ってください。"
  ),
  idempotency_in_flight: say(
    "同じ冪等キーの最初のリクエストが処理中です。",
    "待ってから同じキーで繰り返してください。"
  ),
  runtime_not_found: say("このランタイムはありません。", "一覧にある ID を使ってください。"),
  worker_not_found: say("このワーカーはありません。", "一覧にある ID を使ってください。"),
  worker_id_taken: say("このワーカー ID は使われています。", "別の ID にするか、省略してください。"),
  worker_busy: say("ワーカーは前の入力を処理中です。", "待機中になるまで待つか、停止してください。"),
  input_queue_full: say(
    "これ以上の入力は待機させられません。",
    "ターンの終了を待つか、待機中の入力を取り消してください。"
  ),
  queued_input_not_found: say(
    "その入力は待機していません。",
    "待機中の入力を確認してください。すでに開始されたか、取り消されています。"
  ),
  permission_not_found: say(
    "その許可要求は開いていません。",
    "開いている要求を確認してください。回答済み、期限切れ、またはターンの終了とともに閉じられました。"
  ),
  worker_not_running: say("このワーカーは終了しています。", "新しいワーカーを作成してください。"),
  worker_limit_reached: say(
    "ランタイムのワーカー数が上限に達しています。",
    "ワーカーを停止して整理するか、上限を上げてください。"
  ),
  worker_execution_unavailable: say(
    "ワーカーを実行するものにつながっていません。",
    "新しいワーカーを作成してください。理由は診断にあります。"
  ),
  execution_backend_unavailable: say(
    "ワーカーを実行するものが利用できません。",
    "ランタイムの診断を確認して、もう一度お試しください。"
  ),
  worker_execution_rejected: say("ワーカーが入力を拒否しました。", "メッセージを読んで入力を変えてください。"),
  runtime_stopped: say("ランタイムは停止しています。", "ランタイムを起動してください。"),
  config_bundle_missing: say("設定バンドルがこのランタイムにありません。", "先にバンドルを送ってください。"),
  config_bundle_limit_reached: say(
    "ランタイムの設定バンドル数が上限に達しています。",
    "同じ ID のバンドルを送って置き換えてください。"
  ),
  store_io: say("ランタイムが保存先に書き込めませんでした。", "空き容量と権限を確認してください。"),
  store_missing: say("ランタイムの保存先がなくなっています。", "保存先のフォルダーを確認してください。"),
  store_corrupt: say("ランタイムの記録が壊れています。", "診断を確認してください。壊れた部分は退避されています。"),
  internal: say("内部で問題が起きました。", "もう一度お試しください。続く場合はリクエスト ID を知らせてください。"),
  operation_unsupported: say("ランタイムはこの操作に対応していません。", "対応するランタイムを使ってください。"),
  runtime_unreachable: say("ランタイムに接続できません。", "動作しているか、このマシンから届くか確認してください。"),
  runtime_protocol_error: say(
    "応答した相手がランタイム API ではありません。",
    "エンドポイントが worker-runtime を指しているか確認してください。"
  ),
  runtime_incompatible: say(
    "ランタイムのバージョンが合いません。",
    "ランタイムとバックエンドのバージョンをそろえてください。"
  ),
  runtime_failed: say(
    "ランタイムがリクエストに応答できませんでした。",
    "リクエスト ID でランタイムのログを確認してください。"
  ),
  runtime_auth_failed: say(
    "ランタイムがバックエンドの認証情報を受け付けませんでした。",
    "接続の token_ref とランタイムのトークンを確認してください。"
  ),
  runtime_unavailable: say("ランタイムの準備ができていません。", "稼働するまで待ってください。"),
  runtime_timeout: say("ランタイムが時間内に応答しませんでした。", "もう一度お試しください。"),
  secret_unresolvable: say(
    "接続が参照する秘密情報が見つかりません。",
    "秘密情報を登録するか、接続の token_ref を直してください。"
  ),
  egress_refused: say(
    "送信先の規則により、このエンドポイントは許可されていません。",
    "別のエンドポイントにするか、設定ファイルの egress を変更してください。"
  ),
  connection_not_found: say("この接続はありません。", "一覧にある ID を使ってください。"),
  runtime_id_taken: say("この ID は別のランタイムが使っています。", "別の ID にしてください。"),
  host_key_refused: say(
    "応答したホストの鍵が、登録済みの鍵と一致しません。",
    "ホストの鍵を管理者に確認し、変更が正しい場合にだけ接続の known_hosts を直してください。"
  ),
  plugin_failed: say(
    "このランタイムにつなぐプラグインが失敗しました。",
    "バックエンドのログでプラグインの失敗を調べ、プラグインを更新するか、設定ファイルから外してください。"
  ),
  kind_taken: say(
    "この種類は別のプラグインが使っています。",
    "どちらか一方だけを読み込むか、種類の名前を変えてください。"
  ),
  runtime_built_in: say("組み込みランタイムは変更できません。", "別の接続を選んでください。"),
  runtime_in_use: say(
    "このランタイムでワーカーが実行中か、ストリームが開いています。",
    "示されたものを止めるか、強制的に変更してください。"
  ),
  config_changed: say("読み込んだ後に設定が変更されました。", "読み込み直して、いまの内容に対して変更してください。"),
  config_unwritable: say(
    "設定ファイルを安全に変更できません。",
    "設定ファイルを手で直してください。理由は応答にあります。"
  ),
  config_io: say("設定ファイルを読み書きできませんでした。", "空き容量とフォルダーの権限を確認してください。")
}
