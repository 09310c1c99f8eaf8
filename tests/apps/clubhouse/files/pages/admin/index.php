<?php

require_admin();

$counts = [
    [t('会員', 'Members'), value('SELECT COUNT(*) FROM members'), '/admin/members'],
    [t('イベント', 'Events'), value('SELECT COUNT(*) FROM events'), '/admin/events'],
    [t('お知らせ', 'News'), value('SELECT COUNT(*) FROM news'), '/admin/news'],
    [t('来館記録', 'Check-ins'), value('SELECT COUNT(*) FROM attendances'), '/admin/attendance'],
];

$title = t('管理', 'Administration');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<table>
<?php foreach ($counts as [$label, $n, $url]): ?>
<tr><td><a href="<?= $url ?>"><?= h($label) ?></a></td><td><?= $n ?></td></tr>
<?php endforeach ?>
</table>
<p><a href="/admin/members.csv"><?= t('会員名簿（CSV）', 'List of members (CSV)') ?></a></p>
<?php require ROOT . '/templates/footer.php';
