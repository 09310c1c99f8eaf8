<?php

require_admin();

if (is_post()) {
    check_csrf();
    $member = find_member((int)post_str('id'));
    if (!$member) {
        not_found();
    }
    if ($member['id'] === me()['id']) {
        flash(t('自分自身は変更できません。', 'You cannot change yourself.'), 'error');
    } elseif (post_str('action') === 'delete') {
        delete_member($member['id']);
        flash(t($member['name'] . 'さんを退会させました。', $member['name'] . ' has left the club.'));
    } elseif (post_str('action') === 'role') {
        q('UPDATE members SET role = ? WHERE id = ?', [$member['role'] === 'admin' ? 'member' : 'admin', $member['id']]);
        flash(t('権限を変更しました。', 'The role is changed.'));
    }
    redirect('/admin/members');
}

$members = rows('SELECT * FROM members ORDER BY name_kana, id');

$title = t('会員管理', 'Manage members');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<table>
<tr><th><?= t('番号', 'Card') ?></th><th><?= t('名前', 'Name') ?></th><th><?= t('メール', 'E-mail') ?></th><th><?= t('最終ログイン', 'Last login') ?></th><th></th></tr>
<?php foreach ($members as $m): ?>
<tr>
  <td><?= h($m['card_no']) ?></td>
  <td><?= member_link($m['id'], $m['name']) ?></td>
  <td><?= h($m['email']) ?></td>
  <td><?= $m['last_login_at'] ? h(format_datetime($m['last_login_at'])) : '—' ?></td>
  <td>
    <form class="inline" method="post"><?= csrf_field() ?><input type="hidden" name="id" value="<?= $m['id'] ?>"><input type="hidden" name="action" value="role"><button class="small"><?= $m['role'] === 'admin' ? t('一般会員にする', 'make member') : t('管理者にする', 'make admin') ?></button></form>
    <form class="inline" method="post" onsubmit="return confirm('OK?')"><?= csrf_field() ?><input type="hidden" name="id" value="<?= $m['id'] ?>"><input type="hidden" name="action" value="delete"><button class="small"><?= t('退会', 'delete') ?></button></form>
  </td>
</tr>
<?php endforeach ?>
</table>
<?php require ROOT . '/templates/footer.php';
