<?php

$item = row('SELECT n.*, m.name AS author_name FROM news n LEFT JOIN members m ON m.id = n.author_id WHERE n.id = ?', [$id]);
if (!$item || (strtotime($item['published_at']) > time() && !is_admin())) {
    not_found();
}

$error = '';
$body = '';
if (is_post()) {
    $member = require_login();
    check_csrf();
    if (post_str('action') === 'delete') {
        $comment = row('SELECT * FROM comments WHERE id = ? AND news_id = ?', [(int)post_str('comment_id'), $item['id']]);
        if (!$comment || ($comment['member_id'] !== $member['id'] && !is_admin())) {
            error_page(403, t('このコメントは削除できません', 'You cannot delete this comment'));
        }
        q('DELETE FROM comments WHERE id = ?', [$comment['id']]);
        forget_home();
        flash(t('コメントを削除しました。', 'The comment is deleted.'));
        redirect('/news/' . $item['id']);
    }
    $body = post_str('body');
    if ($body === '' || mb_strlen($body) > 1000) {
        http_response_code(422);
        $error = t('コメントは1〜1000文字で入力してください。', 'A comment has 1 to 1000 characters.');
    } else {
        q('INSERT INTO comments (news_id, member_id, body) VALUES (?, ?, ?)', [$item['id'], $member['id'], $body]);
        forget_home();
        flash(t('コメントを投稿しました。', 'Your comment is posted.'));
        redirect('/news/' . $item['id'] . '#comments');
    }
}

$comments = rows('SELECT c.*, m.name FROM comments c JOIN members m ON m.id = c.member_id WHERE c.news_id = ? ORDER BY c.id', [$item['id']]);

$title = $item['title'];
require ROOT . '/templates/header.php';
?>
<h1><?= h($item['title']) ?></h1>
<p class="muted"><?= h(format_datetime($item['published_at'])) ?> / <?= h($item['author_name'] ?? t('事務局', 'Office')) ?></p>
<p><?= text_to_html($item['body']) ?></p>

<h2 id="comments"><?= t('コメント', 'Comments') ?> (<?= count($comments) ?>)</h2>
<?php
foreach ($comments as $c) {
    echo '<p>' . member_link($c['member_id'], with_san($c['name'])) . ' <span class="muted">' . h(format_datetime($c['created_at'])) . '</span><br>';
    echo text_to_html($c['body']) . '</p>';
    if (me() && ($c['member_id'] === me()['id'] || is_admin())) {
        echo '<form method="post">' . csrf_field() . '<input type="hidden" name="action" value="delete"><input type="hidden" name="comment_id" value="' . $c['id'] . '">';
        echo '<button class="small">' . t('削除', 'Delete') . '</button></form>';
    }
}
?>
<?php if (me()): ?>
<form method="post">
  <?= csrf_field() ?>
  <?php if ($error) echo '<p class="error">' . h($error) . '</p>'; ?>
  <label for="body"><?= t('コメントする', 'Write a comment') ?></label>
  <textarea name="body" id="body" rows="4"><?= h($body) ?></textarea>
  <br><button><?= t('投稿', 'Post') ?></button>
</form>
<?php endif ?>
<?php require ROOT . '/templates/footer.php';
