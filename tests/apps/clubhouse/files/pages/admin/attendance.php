<?php

require_admin();

// Reception desk: check in by card number, take back a mistake, read in the card reader's file.

if (is_post()) {
    check_csrf();
    switch (post_str('action')) {
        case 'check_in':
            $card_no = strtoupper(mb_convert_kana(post_str('card_no'), 'a'));
            $member = row('SELECT * FROM members WHERE card_no = ?', [$card_no]);
            if ($member) {
                check_in($card_no);
                flash(t(with_san($member['name']) . 'が来館しました。', $member['name'] . ' is checked in.'));
            } else {
                flash(t('この会員番号はありません。', 'There is no such card.'), 'error');
            }
            break;
        case 'delete':
            q('DELETE FROM attendances WHERE id = ?', [(int)post_str('id')]);
            flash(t('記録を削除しました。', 'The record is deleted.'));
            break;
        case 'import':
            list($taken, $refused) = import_attendances(post_str('lines'));
            flash(t("{$taken}件を取り込みました（エラー{$refused}件）。", "$taken lines taken, $refused refused."));
            break;
    }
    redirect('/admin/attendance');
}

$latest = rows('SELECT a.*, m.id AS member_id, m.name FROM attendances a LEFT JOIN members m ON m.card_no = a.card_no ORDER BY a.id DESC LIMIT 20');

$title = t('受付', 'Reception');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<form method="post">
  <?= csrf_field() ?>
  <input type="hidden" name="action" value="check_in">
  <label for="card_no"><?= t('会員番号', 'Card number') ?></label>
  <input type="text" name="card_no" id="card_no" placeholder="C00001" autofocus>
  <button><?= t('来館', 'Check in') ?></button>
</form>
<h2><?= t('最近の記録', 'Latest') ?></h2>
<table>
<?php foreach ($latest as $a): ?>
<tr>
  <td><?= h(format_datetime($a['came_at'])) ?></td><td><?= h($a['card_no']) ?></td>
  <td><?= $a['member_id'] ? member_link($a['member_id'], $a['name']) : '—' ?></td><td><?= h($a['place']) ?></td>
  <td><form method="post"><?= csrf_field() ?><input type="hidden" name="action" value="delete"><input type="hidden" name="id" value="<?= $a['id'] ?>"><button class="small"><?= t('削除', 'delete') ?></button></form></td>
</tr>
<?php endforeach ?>
</table>
<h2><?= t('カードリーダーのファイル', 'File of the card reader') ?></h2>
<form method="post">
  <?= csrf_field() ?>
  <input type="hidden" name="action" value="import">
  <textarea name="lines" rows="6" placeholder="C00012,2026-04-01 18:55"></textarea>
  <br><button><?= t('取り込む', 'Import') ?></button>
</form>
<?php require ROOT . '/templates/footer.php';
