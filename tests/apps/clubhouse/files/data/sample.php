<?php

// Sample data for /install. Dates are counted from the day on which the site is set up.

function sample_members()
{
    // name, reading, mailbox, how often they come (0-10), birthday or null
    return [
        ['山田 太郎', 'ヤマダ タロウ', 'yamada', 8, '1985-04-12'],
        ['佐藤 花子', 'サトウ ハナコ', 'sato.h', 7, '1990-09-30'],
        ['鈴木 一郎', 'スズキ イチロウ', 'suzuki', 9, '1978-01-05'],
        ['高橋 美咲', 'タカハシ ミサキ', 'takahashi.m', 4, null],
        ['田中 健太', 'タナカ ケンタ', 'tanaka.k', 6, '1995-07-21'],
        ['伊藤 さくら', 'イトウ サクラ', 'ito.sakura', 5, '1999-03-27'],
        ['渡辺 誠', 'ワタナベ マコト', 'watanabe', 3, '1969-11-11'],
        ['中村 由美子', 'ナカムラ ユミコ', 'nakamura', 2, null],
        ['小林 大輔', 'コバヤシ ダイスケ', 'kobayashi.d', 7, '1988-06-02'],
        ['加藤 愛', 'カトウ アイ', 'kato.ai', 6, '2001-12-24'],
        ['吉田 翔', 'ヨシダ ショウ', 'yoshida.s', 8, null],
        ['山本 恵', 'ヤマモト メグミ', 'yamamoto', 1, '1973-08-15'],
        ['佐々木 蓮', 'ササキ レン', 'sasaki.ren', 9, '2003-05-05'],
        ['松本 直樹', 'マツモト ナオキ', 'matsumoto', 5, '1982-10-10'],
        ['井上 真央', 'イノウエ マオ', 'inoue.mao', 4, null],
        ['木村 拓海', 'キムラ タクミ', 'kimura.t', 6, '1997-02-18'],
        ['林 美穂', 'ハヤシ ミホ', 'hayashi', 7, '1991-01-31'],
        ['清水 陽子', 'シミズ ヨウコ', 'shimizu', 3, '1965-04-04'],
        ['五十嵐 結衣', 'イガラシ ユイ', 'igarashi', 8, '2000-07-07'],
        ['長谷川 剛', 'ハセガワ ツヨシ', 'hasegawa', 2, null],
        ['斎藤 正', 'サイトウ タダシ', 'saito.tadashi', 5, '1958-09-09'],
        ['齋藤 正', 'サイトウ タダシ', 'saito2', 4, '1992-02-29'],
        ['森 あかり', 'モリ アカリ', 'mori.akari', 6, null],
        ['石川 遼太郎', 'イシカワ リョウタロウ', 'ishikawa', 7, '1994-12-01'],
        ['橋本 奈々', 'ハシモト ナナ', 'hashimoto', 3, '1998-08-28'],
        ['李 明', 'リ ミン', 'li.ming', 8, '1993-03-03'],
        ['Smith John', 'スミス ジョン', 'john.smith', 6, '1987-06-16'],
        ["O'Brien Patrick", 'オブライエン パトリック', 'patrick', 5, null],
        ['Nguyen Thi Mai', 'グエン ティ マイ', 'mai.nguyen', 9, '1996-10-20'],
        ['ナタリア', 'ナタリア', 'natalia', 4, null],
        ['前田 敦', 'マエダ アツシ', 'maeda', 2, '1976-05-30'],
        ['藤田 彩花', 'フジタ アヤカ', 'fujita.a', 7, '2002-11-03'],
        ['後藤 修', 'ゴトウ オサム', 'goto.o', 0, '1950-01-20'],
        ['近藤 千尋', 'コンドウ チヒロ', 'kondo', 6, null],
        ['青木 隆', 'アオキ タカシ', 'aoki', 8, '1980-03-14'],
        ['西村 優', 'ニシムラ ユウ', 'nishimura', 5, '1989-09-19'],
        ['福田 萌', 'フクダ モエ', 'fukuda', 3, null],
        ['太田 博', 'オオタ ヒロシ', 'ota.hiroshi', 7, '1971-07-17'],
        ['三浦 春香', 'ミウラ ハルカ', 'miura', 6, '1999-04-01'],
        ['岡田 純一', 'オカダ ジュンイチ', 'okada.j', 9, '1983-12-12'],
    ];
}

function insert_sample_data($admin_id, $password)
{
    // the same password for everybody: hash it once
    $hash = password_hash($password, PASSWORD_DEFAULT);
    $ids = [];
    $joined_on = [];
    foreach (sample_members() as $i => [$name, $kana, $mailbox, $often, $birthday]) {
        $joined_on[$mailbox] = date('Y-m-d', strtotime('-' . (420 + $i * 37) . ' days'));
        $id = create_member($mailbox . '@club.example', $hash, $name, $kana, 'member', $joined_on[$mailbox]);
        if ($birthday) {
            q('UPDATE members SET birthday = ? WHERE id = ?', [$birthday, $id]);
        }
        $ids[$mailbox] = $id;
    }
    q('UPDATE members SET bio = ? WHERE id = ?', ["週末はだいたいコートにいます。\nよろしくお願いします！ https://tennis.example/yamada", $ids['yamada']]);
    q('UPDATE members SET bio = ? WHERE id = ?', ["I'm from Hanoi. Badminton & table tennis <3", $ids['mai.nguyen']]);
    q('UPDATE members SET phone = ? WHERE id = ?', ['090-1234-5678', $ids['suzuki']]);

    // title, description, place, days from now, time, hours, capacity, organiser, who comes
    $events = [
        ['春のテニス大会', "ダブルスのトーナメントです。\n雨天の場合は翌週に延期します。", 'みどり台公園 テニスコート', 21, '09:00', 6, 16, 'yamada', ['suzuki', 'sato.h', 'tanaka.k', 'okada.j']],
        ['バドミントン初心者教室', 'ラケットは貸し出します。室内シューズをお持ちください。', '体育館 第2アリーナ', 9, '18:30', 2, 4, 'mai.nguyen', ['kato.ai', 'fukuda', 'natalia', 'miura']],
        ['Friday futsal', "Everybody welcome, no experience needed.\nBring water & indoor shoes.", 'Gym, court 1', 5, '19:00', 2, 10, 'john.smith', ['patrick', 'li.ming', 'sasaki.ren']],
        ['健康ヨガ', null, '会議室B', 12, '10:00', 1, 12, 'shimizu', ['hayashi', 'goto.o']],
        ['秋の大会 打ち上げ', "会場は後日お知らせします。\n会費：3,000円", '未定', 30, '18:00', 3, null, null, ['yamada', 'suzuki', 'aoki', 'ota.hiroshi']],
        ['卓球リーグ戦 第3節', '総当たり戦。結果はお知らせに載せます。', '体育館 第1アリーナ', 40, '13:00', 4, 8, 'okada.j', []],
        ['新年会', '飲み物と軽食を用意します。', 'クラブハウス', -45, '17:00', 3, 30, 'sato.h', ['yamada', 'suzuki', 'kato.ai', 'hayashi']],
        ['ボランティア清掃', '軍手は各自ご用意ください。', 'みどり台公園', -100, '08:00', 2, null, 'watanabe', ['watanabe', 'shimizu']],
    ];
    foreach ($events as [$title, $description, $place, $days, $time, $hours, $capacity, $organiser, $people]) {
        $starts_at = date('Y-m-d', strtotime("$days days")) . " $time:00";
        $ends_at = date('Y-m-d H:i:s', strtotime("$starts_at +$hours hours"));
        q(
            'INSERT INTO events (title, description, place, starts_at, ends_at, capacity, organiser_id) VALUES (?, ?, ?, ?, ?, ?, ?)',
            [$title, $description, $place, $starts_at, $ends_at, $capacity, $organiser === null ? null : $ids[$organiser]]
        );
        $event_id = db()->lastInsertId();
        foreach ($people as $mailbox) {
            q('INSERT INTO signups (event_id, member_id) VALUES (?, ?)', [$event_id, $ids[$mailbox]]);
        }
    }

    // title, text, author, days ago, comments
    $news = [
        ['体育館の改修工事について', "来月から第2アリーナの床を張り替えます。\n工事中は第1アリーナをご利用ください。", 'staff', 2, [['suzuki', '期間はどのくらいですか？'], ['yamada', '3週間の予定だそうです。']]],
        ['New opening hours', 'From next month the gym is open until 22:00 on weekdays.', 'staff', 9, [['john.smith', 'Great news, thank you!']]],
        ['卓球リーグ戦 第2節の結果', "1位 岡田 純一\n2位 Nguyen Thi Mai\n3位 佐々木 蓮", 'okada.j', 16, [['mai.nguyen', '次は負けません！'], ['sasaki.ren', 'お疲れさまでした。'], ['li.ming', '👏👏👏']]],
        ['落とし物のお知らせ', '更衣室に紺色のタオルの忘れ物がありました。受付でお預かりしています。', null, 25, []],
        ['会費の口座振替日について', '毎月27日（休日の場合は翌営業日）に変わります。詳しくは https://bank.example/furikae をご覧ください。', 'staff', 60, []],
    ];
    foreach ($news as [$title, $body, $author, $days, $comments]) {
        $author_id = $author === 'staff' ? $admin_id : ($author === null ? null : $ids[$author]);
        q('INSERT INTO news (title, body, author_id, published_at) VALUES (?, ?, ?, ?)', [$title, $body, $author_id, date('Y-m-d 12:00:00', strtotime("-$days days"))]);
        $news_id = db()->lastInsertId();
        foreach ($comments as [$mailbox, $text]) {
            q('INSERT INTO comments (news_id, member_id, body) VALUES (?, ?, ?)', [$news_id, $ids[$mailbox], $text]);
        }
    }

    // five years of practice on Tuesdays, Thursdays, Saturdays and Sundays
    mt_srand(20240401);
    $values = [];
    for ($day = 1825; $day >= 1; $day--) {
        $ts = strtotime("-$day days");
        $date = date('Y-m-d', $ts);
        if (!in_array(date('w', $ts), [0, 2, 4, 6])) {
            continue;
        }
        foreach (sample_members() as [, , $mailbox, $often]) {
            if ($date >= $joined_on[$mailbox] && mt_rand(1, 10) <= $often) {
                $values[] = sprintf("('C%05d', '%s %02d:%02d:00', '%s')", $ids[$mailbox], $date, mt_rand(17, 20), mt_rand(0, 59), mt_rand(1, 4) === 1 ? 'court' : 'gym');
            }
        }
    }
    foreach (array_chunk($values, 500) as $chunk) {
        db()->exec('INSERT INTO attendances (card_no, came_at, place) VALUES ' . implode(', ', $chunk));
    }
}
