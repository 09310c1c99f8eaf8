<?php

$event = find_event($id);
if (!$event) {
    not_found();
}

if (is_post()) {
    $member = require_login();
    check_csrf();
    if (post_str('action') === 'cancel') {
        if (event_is_over($event)) {
            flash(t('終了したイベントは取り消せません。', 'This event is over.'), 'error');
        } elseif (cancel_signup($event['id'], $member['id'])) {
            flash(t('申し込みを取り消しました。', 'You are no longer signed up.'));
        }
    } else {
        switch (sign_up($event['id'], $member['id'], post_str('note'))) {
            case 'ok':
                flash(t('申し込みました。', 'You are signed up.'));
                break;
            case 'already':
                flash(t('すでに申し込み済みです。', 'You are already signed up.'), 'error');
                break;
            case 'full':
                flash(t('申し訳ありません、満員です。', 'Sorry, this event is full.'), 'error');
                break;
            default:
                flash(t('受付は終了しました。', 'Sign-up is closed.'), 'error');
        }
    }
    redirect('/events/' . $event['id']);
}

$organiser = find_member($event['organiser_id']);
$people = rows('SELECT m.id, m.name, s.note, s.created_at FROM signups s JOIN members m ON m.id = s.member_id WHERE s.event_id = ? ORDER BY s.created_at, s.id', [$event['id']]);

$title = $event['title'];
require ROOT . '/templates/header.php';
?>
<h1><?= h($event['title']) ?></h1>
<table>
<tr><th><?= t('日時', 'When') ?></th><td><?= h(format_datetime($event['starts_at'])) ?><?= $event['ends_at'] ? ' 〜 ' . h(date('H:i', strtotime($event['ends_at']))) : '' ?></td></tr>
<tr><th><?= t('場所', 'Place') ?></th><td><?= h($event['place']) ?></td></tr>
<tr><th><?= t('定員', 'Places') ?></th><td><?= h(places_text($event)) ?></td></tr>
<tr><th><?= t('担当', 'Organiser') ?></th><td><?= member_link($organiser['id'], $organiser['name']) ?></td></tr>
</table>
<?php if ($event['description'] !== null && $event['description'] !== ''): ?>
<p><?= text_to_html($event['description']) ?></p>
<?php endif ?>

<?php if (me() && !event_is_over($event)): ?>
<form method="post">
  <?= csrf_field() ?>
<?php if (is_signed_up($event['id'], me()['id'])): ?>
  <input type="hidden" name="action" value="cancel">
  <p><?= t('申し込み済みです。', 'You are signed up.') ?></p>
  <button><?= t('取り消す', 'Cancel') ?></button>
<?php elseif (free_places($event) === 0): ?>
  <p class="full"><?= t('満員です。', 'This event is full.') ?></p>
<?php else: ?>
  <input type="hidden" name="action" value="signup">
  <label for="note"><?= t('備考', 'Note') ?></label>
  <input type="text" name="note" id="note" maxlength="200">
  <button><?= t('申し込む', 'Sign up') ?></button>
<?php endif ?>
</form>
<?php elseif (!me()): ?>
<p><a href="/login?next=/events/<?= $event['id'] ?>"><?= t('申し込むにはログインしてください。', 'Log in to sign up.') ?></a></p>
<?php endif ?>

<?php if (me()): ?>
<h2><?= t('参加者', 'Participants') ?></h2>
<ol>
<?php foreach ($people as $p): ?>
  <li><?= member_link($p['id'], with_san($p['name'])) ?> <span class="muted"><?= h($p['note']) ?></span></li>
<?php endforeach ?>
</ol>
<?php endif ?>
<?php require ROOT . '/templates/footer.php';
