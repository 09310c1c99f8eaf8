<?php

require_login();
$member = find_member((int)$id);
if (!$member) {
    not_found();
}
$events = rows('SELECT e.id, e.title, e.starts_at FROM signups s JOIN events e ON e.id = s.event_id WHERE s.member_id = ? ORDER BY e.starts_at DESC LIMIT 10', [$member['id']]);

$title = $member['name'];
require ROOT . '/templates/header.php';
?>
<h1><?= h(with_san($member['name'])) ?></h1>
<p><img class="photo" src="/members/<?= $member['id'] ?>/photo" alt="<?= h($member['name']) ?>"></p>
<table>
<tr><th><?= t('フリガナ', 'Reading') ?></th><td><?= h($member['name_kana']) ?></td></tr>
<tr><th><?= t('入会日', 'Member since') ?></th><td><?= h(format_date($member['joined_on'])) ?></td></tr>
<?php if ($member['birthday'] !== null): ?>
<tr><th><?= t('年齢', 'Age') ?></th><td><?= age($member['birthday']) ?><?= t('歳', '') ?></td></tr>
<?php endif; ?>
<?php if (is_admin()): ?>
<tr><th><?= t('会員番号', 'Card number') ?></th><td><?= h($member['card_no']) ?></td></tr>
<tr><th><?= t('メール', 'E-mail') ?></th><td><?= h($member['email']) ?></td></tr>
<tr><th><?= t('電話番号', 'Phone') ?></th><td><?= h($member['phone']) ?></td></tr>
<?php endif; ?>
</table>
<?php if ($member['bio'] !== null) echo '<p>' . text_to_html($member['bio']) . '</p>'; ?>
<h2><?= t('参加イベント', 'Events') ?></h2>
<ul>
<?php foreach ($events as $e): ?>
<li><?= h(format_date($e['starts_at'])) ?> <a href="/events/<?= $e['id'] ?>"><?= h($e['title']) ?></a></li>
<?php endforeach; ?>
</ul>
<?php require ROOT . '/templates/footer.php';
