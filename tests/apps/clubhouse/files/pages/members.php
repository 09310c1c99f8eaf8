<?php

require_login();

$per_page = 20;
$word = get_str('q');
$where = '1 = 1';
$params = [];
if ($word !== '') {
    $where = '(name LIKE ? OR name_kana LIKE ?)';
    $params = [like($word), like($word)];
}
$count = value("SELECT COUNT(*) FROM members WHERE $where", $params);
$pages = (int)ceil($count / $per_page);
$page = get_page();
$offset = ($page - 1) * $per_page;
$members = rows("SELECT id, name, name_kana, joined_on, role FROM members WHERE $where ORDER BY name_kana, id LIMIT $per_page OFFSET $offset", $params);

$title = t('会員一覧', 'Members');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?> <span class="muted">(<?= $count ?>)</span></h1>
<form method="get">
  <input type="text" name="q" value="<?= h($word) ?>" placeholder="<?= t('名前・フリガナ', 'name or reading') ?>">
  <button><?= t('検索', 'Search') ?></button>
</form>
<table>
<tr><th></th><th><?= t('名前', 'Name') ?></th><th><?= t('フリガナ', 'Reading') ?></th><th><?= t('入会日', 'Member since') ?></th></tr>
<?php
foreach ($members as $m) {
    echo '<tr><td><img class="photo small" src="/members/' . $m['id'] . '/photo" alt="" loading="lazy"></td>';
    echo '<td>' . member_link($m['id'], $m['name']);
    if ($m['role'] === 'admin') {
        echo ' <span class="muted">' . t('運営', 'staff') . '</span>';
    }
    echo '</td><td>' . h($m['name_kana']) . '</td><td>' . h(format_date($m['joined_on'])) . "</td></tr>\n";
}
?>
</table>
<?= pager($page, $pages, $word === '' ? [] : ['q' => $word]) ?>
<?php require ROOT . '/templates/footer.php';
