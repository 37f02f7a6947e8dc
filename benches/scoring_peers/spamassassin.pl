#!/usr/bin/env perl
# SpamAssassin's points of each message of SCRATCH/test in the order of its labels.tsv, and microseconds of CPU time; after learning
# SCRATCH/train when Bayes is on. One process that is loaded once, without network.
#
#   spamassassin.pl on|off SCRATCH
use strict;
use warnings;
use Mail::SpamAssassin;
use Time::HiRes qw(clock);

my ($bayes, $scratch) = @ARGV;
my $home = "$scratch/spamassassin-$bayes";
mkdir $home or die "$home: $!";
my $assassin = Mail::SpamAssassin->new({
    local_tests_only   => 1,
    dont_copy_prefs    => 1,
    userprefs_filename => '/dev/null',
    userstate_dir      => $home,
    home_dir_for_helpers => $home,
    post_config_text   => join("\n",
        'use_bayes ' . ($bayes eq 'on' ? 1 : 0), 'bayes_auto_learn 0', "bayes_path $home/bayes", 'use_auto_welcomelist 0',
        'use_auto_whitelist 0', 'bayes_learn_to_journal 0', ''),
});
$assassin->init(1);

sub rows {
    my ($part) = @_;
    open my $table, '<', "$scratch/$part/labels.tsv" or die "$part: $!";
    my @rows = map { chomp; [split /\t/] } <$table>;
    shift @rows;
    return @rows;
}

sub message {
    my ($part, $id) = @_;
    open my $file, '<:raw', "$scratch/$part/eml/$id.eml" or die "$id: $!";
    local $/;
    return $assassin->parse(scalar <$file>, 1);
}

if ($bayes eq 'on') {
    $assassin->init_learner({ force_expire => 0, learn_to_journal => 0, wait_for_lock => 1 });
    for my $row (rows('train')) {
        my $mail = message('train', $row->[0]);
        $assassin->learn($mail, undef, $row->[1] eq '1', 0)->finish;
        $mail->finish;
    }
    $assassin->rebuild_learner_caches;
    $assassin->finish_learner;
}
for my $row (rows('test')) {
    my $began = clock();
    my $mail = message('test', $row->[0]);
    my $status = $assassin->check($mail);
    my $points = $status->get_score;
    $status->finish;
    $mail->finish;
    printf "%.3f\t%d\n", $points, 1e6 * (clock() - $began);
}
